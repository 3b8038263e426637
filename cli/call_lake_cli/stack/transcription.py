"""What ``call-lake deploy`` checks of the parameters of transcription, before anything is built."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from call_lake.model.transcribing import why_unfit
from call_lake_cli.console.output import print_line

LANGUAGES = "pl-PL"  # of the template
NO_VOCABULARY = ("NotFoundException", "BadRequestException")


def check_transcription(parameters: Mapping[str, str], client: Callable[[], Any]) -> None:
    """Find settings with which Amazon Transcribe would refuse every job. ``client``: boto3's, of the stack's region.
    Raises ValueError."""
    if parameters.get("EnableTranscription") != "true":
        return
    languages = (parameters.get("TranscriptionLanguages") or LANGUAGES).split(",")
    vocabulary = parameters.get("TranscriptionVocabulary", "")
    transcribe = client()
    known = transcribe.meta.service_model.shape_for("LanguageCode").enum
    if unknown := [language for language in languages if language not in known]:
        raise ValueError(f"TranscriptionLanguages: Amazon Transcribe knows no {unknown[0]}")
    if why := why_unfit(languages, vocabulary, redaction=parameters.get("TranscriptionRedaction") == "true"):
        raise ValueError(why)
    if vocabulary:
        _check_vocabulary(vocabulary, languages[0], transcribe)


def _check_vocabulary(name: str, language: str, transcribe: Any) -> None:
    """https://docs.aws.amazon.com/transcribe/latest/APIReference/API_GetVocabulary.html"""
    try:
        found = transcribe.get_vocabulary(VocabularyName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_VOCABULARY:
            raise ValueError(f"TranscriptionVocabulary: this account has no vocabulary {name} in this region") from None
        print_line(f"the vocabulary {name} could not be looked at, the first job will: {error}")
        return
    if found["VocabularyState"] != "READY":
        raise ValueError(f"TranscriptionVocabulary: {name} is {found['VocabularyState']}, not READY")
    if found["LanguageCode"] != language:
        raise ValueError(f"TranscriptionVocabulary: {name} is for {found['LanguageCode']}, not for {language}")

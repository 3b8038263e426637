"""Settings with which every job would fail are refused before anything is built (rule 30)."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from call_lake.errors import ConfigError
from call_lake.settings import TranscriberSettings
from call_lake_cli.stack.transcription import check_transcription

ON = {"EnableTranscription": "true"}
BAD = [
    ({"TranscriptionLanguages": "pl-PK"}, "knows no pl-PK"),
    ({"TranscriptionRedaction": "true"}, "needs one language of de-CH"),
    (
        {"TranscriptionLanguages": "en-US,de-DE", "TranscriptionRedaction": "true"},
        "TranscriptionLanguages is en-US,de-DE",
    ),
    ({"TranscriptionLanguages": "pl-PL,en-GB", "TranscriptionVocabulary": "words"}, "is of one language"),
    ({"TranscriptionLanguages": "pl-PL,sv-SE"}, "does not identify sv-SE"),
    ({"TranscriptionLanguages": "pl-PL,pl-PL"}, "a language twice"),
    ({"TranscriptionVocabulary": "none"}, "no vocabulary none"),
    ({"TranscriptionVocabulary": "young"}, "young is PENDING"),
    ({"TranscriptionVocabulary": "words", "TranscriptionLanguages": "en-US"}, "words is for pl-PL, not for en-US"),
]
GOOD = [
    {},
    {"TranscriptionLanguages": "pl-PL,en-GB,de-DE"},
    {"TranscriptionLanguages": "en-US", "TranscriptionRedaction": "true"},
    {"TranscriptionVocabulary": "words"},
    {"TranscriptionVocabulary": "secret"},
]


class Transcribe:
    """Amazon Transcribe with two vocabularies, and a third that nobody may look at."""

    meta = boto3.client("transcribe", "eu-central-1").meta

    def get_vocabulary(self, VocabularyName: str) -> dict[str, str]:  # noqa: N803 - as boto3 has it
        if VocabularyName in ("words", "young"):
            return {"VocabularyState": "READY" if VocabularyName == "words" else "PENDING", "LanguageCode": "pl-PL"}
        code = "AccessDeniedException" if VocabularyName == "secret" else "BadRequestException"
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetVocabulary")


@pytest.mark.parametrize(("given", "says"), BAD)
def test_what_no_job_could_do_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_transcription(ON | given, Transcribe)


@pytest.mark.parametrize("given", GOOD)
def test_what_fits_together_is_taken(given: dict[str, str]) -> None:
    check_transcription(ON | given, Transcribe)


def test_without_transcription_amazon_transcribe_is_not_asked() -> None:
    def nobody() -> Any:
        raise AssertionError("asked")

    check_transcription({"TranscriptionLanguages": "pl-PK"}, nobody)


def test_a_function_with_settings_that_do_not_fit_says_so_at_its_start() -> None:
    with pytest.raises(ConfigError, match="TranscriptionRedaction needs"):
        TranscriberSettings("ledger", "bucket", "queue", "dlq", "documents", "pl-PL", "lake-", redaction=True)

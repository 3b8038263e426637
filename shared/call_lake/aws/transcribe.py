"""Amazon Transcribe: the jobs that the transcriber started."""

from typing import Any

from botocore.exceptions import ClientError

from call_lake.aws.client import calling, code_of

NO_JOB = ("NotFoundException", "BadRequestException")
"""Amazon Transcribe's answers for a job that it does not have, or that still runs and so cannot be deleted."""


class TranscribeJobs:
    """Find and delete the jobs of recordings. A job is named after its stack (``prefix``) and its recording.

    Implements ``ports.Transcriptions``. Raises Transient where AWS fails or refuses.
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_GetTranscriptionJob.html
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def stands(self, recording_id: str) -> bool:
        return self._found("get_transcription_job", recording_id)

    def delete(self, recording_id: str) -> None:
        self._found("delete_transcription_job", recording_id)

    def _found(self, operation: str, recording_id: str) -> bool:
        with calling(f"{operation} {recording_id}"):
            try:
                getattr(self._client, operation)(TranscriptionJobName=self._prefix + recording_id)
            except ClientError as error:
                if code_of(error) not in NO_JOB:
                    raise
                return False
        return True

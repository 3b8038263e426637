"""Where an AWS answers, and with which keys."""

import os
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from call_lake.aws.strict.requests import check_every_request


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One AWS endpoint, such as ``http://127.0.0.1:4566``, and the credentials that it takes."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str

    def client(self, service: str) -> Any:
        """A boto3 client that ignores your own AWS configuration, profile and proxies. It checks its requests."""
        check_every_request()
        blank = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        session = boto3.Session(botocore_session=botocore.session.Session(session_vars=blank))
        return session.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}, proxies={}
            ),
        )

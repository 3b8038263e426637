"""Secrets of sources in Secrets Manager, and settings of sources in SSM Parameter Store."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from call_lake.aws.client import code_of, failed
from call_lake.errors import ConfigError, SecretEmpty
from call_lake.settings import SourceSettings, Vendor

CACHED_S = 300


class SecretsManagerSecrets:
    """The secrets of sources, cached for five minutes."""

    def __init__(self, client: Any) -> None:
        self._provider = SecretsProvider(boto3_client=client)

    def get(self, name: str, *, fresh: bool = False) -> dict[str, str]:
        try:
            text = self._provider.get(name, max_age=CACHED_S, force_fetch=fresh)
        except GetParameterError as error:
            raise _secret_error(name, error) from None
        values = _strings(name, text)
        if not any(values.values()):
            raise SecretEmpty(_fill(name))
        return values


def _fill(name: str) -> str:
    return f"secret {name} has no value yet: fill it with `call-lake secrets set SOURCE`"


def _secret_error(name: str, error: GetParameterError) -> Exception:
    cause = _cause(error)
    if isinstance(cause, KeyError):  # ministack's answer for a secret without a value: neither text nor bytes
        return SecretEmpty(_fill(name))
    if not isinstance(cause, ClientError) or code_of(cause) != "ResourceNotFoundException":
        return failed(f"GetSecretValue {name}", cause)
    # One code for "no such secret" and for "no value under the label AWSCURRENT": only the text tells them apart.
    if "staging label" in str(cause):
        return SecretEmpty(_fill(name))
    return ConfigError(f"there is no secret {name}: deploy the source's block of the template again")


def _cause(error: GetParameterError) -> Exception:
    """What boto3 raised: Powertools keeps only its text, Python keeps the error itself as the context."""
    return error.__context__ if isinstance(error.__context__, Exception) else error


def _strings(name: str, text: Any) -> dict[str, str]:
    if not text or not text.strip():
        raise SecretEmpty(_fill(name))
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        # Never the value itself, nor the parser's words about it.
        raise ConfigError(f"secret {name} must be a JSON object of strings, as docs/runbook.md shows")
    return values


class SourceParameters:
    """The settings of sources in SSM Parameter Store, one parameter a source under ``path``; cached five minutes."""

    def __init__(self, client: Any, path: str, vendors: Mapping[str, Vendor]) -> None:
        """``vendors`` by name: the settings are checked against the descriptions of their vendors."""
        self._provider = SSMProvider(boto3_client=client)
        self._path = "/" + path.strip("/")
        self._vendors = vendors

    def one(self, name: str) -> SourceSettings:
        """Settings of the source. Raises ConfigError for its settings alone: a wrong setting of another source stops
        only that source."""
        texts = self._texts()
        if name not in texts:
            raise ConfigError(f"unknown source {name!r}; {self._path} has: {', '.join(sorted(texts)) or 'none'}")
        return self._settings(name, texts[name])

    def all(self) -> dict[str, SourceSettings]:
        """Settings of every source by its name. Raises ConfigError for the first that is wrong."""
        return {name: self._settings(name, text) for name, text in sorted(self._texts().items())}

    def names(self) -> list[str]:
        """Every source, one with wrong settings too."""
        return sorted(self._texts())

    def _settings(self, name: str, text: str) -> SourceSettings:
        return SourceSettings.from_json(name, text).checked(self._vendors)

    def _texts(self) -> dict[str, str]:
        try:
            texts = self._provider.get_multiple(self._path, max_age=CACHED_S)
        except GetParameterError as error:
            raise failed(f"GetParametersByPath {self._path}", _cause(error)) from None
        return {name: str(text) for name, text in texts.items()}

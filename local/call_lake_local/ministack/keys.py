"""The keys that this stack knows: the root's, those of the functions, and those that the root has made.

ministack computes a function's temporary key from the names of the function and its role, so everybody can compute it.
Here that computation is keyed with a secret of this process.
"""

import hmac
import secrets
import sys
from dataclasses import dataclass
from types import SimpleNamespace

from ministack.core import iam_evaluator, lambda_runtime

_OF_THIS_PROCESS = secrets.token_bytes(32)


def install() -> None:
    """Make the functions' keys secret. Exits where ministack does not make them as this expects."""
    if not hasattr(lambda_runtime, "hashlib"):
        sys.exit("this ministack does not make the functions' keys as the local stack expects")
    lambda_runtime.hashlib = SimpleNamespace(sha256=_keyed)  # it hashes nothing but these keys


def _keyed(names: bytes) -> hmac.HMAC:
    return hmac.new(_OF_THIS_PROCESS, names, "sha256")


@dataclass(frozen=True, slots=True)
class Keys:
    """``root``: the key id that ministack has in AWS_ACCESS_KEY_ID."""

    root: str
    root_secret: str

    def secret(self, access_key_id: str, token: str) -> str | None:
        """The secret of a key, or None where the stack has no such key or it goes with another session token."""
        if access_key_id == self.root:
            return None if token else self.root_secret
        if iam_evaluator.is_root_access_key(access_key_id):  # `test`, 12 digits
            return None
        found = iam_evaluator.resolve_credential(access_key_id, session_token=token)
        return found.secret_access_key if isinstance(found, iam_evaluator.ResolvedCredential) else None

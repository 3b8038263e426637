"""The ids of recordings: HMAC-SHA-256 of the provider's key, under a key that each stack keeps secret (ADR 0026).

A provider's key is often a file name with a phone number in it. A plain hash of it can be guessed back: there are only
a thousand million numbers of nine digits. Nobody can compute these ids, or test a guess, without the stack's key.
"""

import re
from hashlib import sha256

from call_lake.model.recording import ListedRecording, Recording

KEY_CHARACTERS_LEAST = 32
KEY_CHARACTERS_DIFFERENT = 8  # blanks and one repeated letter have fewer, random digits have more
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
DIGITS = 32  # hex, so 128 bits
BLOCK_BYTES = 64  # of SHA-256


class RecordingIds:
    """Makes the ids and digests of recordings under one key. Only the poller and the operator's commands have it."""

    def __init__(self, key: str) -> None:
        """``key``: the text in the stack's secret. Raises ValueError where it is simple enough to be guessed."""
        if len(key) < KEY_CHARACTERS_LEAST:
            raise ValueError(f"the key has {len(key)} characters, fewer than {KEY_CHARACTERS_LEAST}")
        if len(set(key.strip())) < KEY_CHARACTERS_DIFFERENT:
            raise ValueError(f"the key has fewer than {KEY_CHARACTERS_DIFFERENT} different characters")
        secret = key.encode("utf-8", "surrogatepass")
        block = (secret if len(secret) <= BLOCK_BYTES else sha256(secret).digest()).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    @property
    def fingerprint(self) -> str:
        """What the ledger keeps of the key, to recognize it: 64 hex digits, which do not lead back to the key."""
        return self._digest("fingerprint\0")

    def of_key(self, source: str, provider_key: str) -> str:
        """``<source>-<32 hex>``: the id of the recording that has this key in this source. The source is hashed too,
        so two sources that list one file name do not show that they do."""
        text = f"recording\0{source}\0{provider_key}"
        return f"{source}-{self._digest(text)[:DIGITS]}"

    def of_collision(self, source: str, provider_key: str, connection_id: str | None) -> str:
        """The id of another recording under a known key (rule 6). The key's length is hashed too, so that no other key
        and connection id make the same text."""
        text = f"collision\0{source}\0{len(provider_key)}\0{provider_key}\0{connection_id or ''}"
        return f"{source}-{self._digest(text)[:DIGITS]}"

    def of_connection(self, source: str, connection_id: str) -> str:
        """What a tombstone keeps of a connection id: ``hmac:`` and 32 hex digits."""
        text = f"connection\0{source}\0{connection_id}"
        return f"hmac:{self._digest(text)[:DIGITS]}"

    def of_person(self, kind: str, text: str) -> str:
        """What a proof of an erasure says of whom it was about: ``hmac:`` and 32 hex digits. ``kind``: ``number`` or
        ``agent``; ``text``: one for all spellings."""
        return f"hmac:{self._digest(f'person\0{kind}\0{text}')[:DIGITS]}"

    def identified(self, listed: ListedRecording) -> Recording:
        """The recording under the id of its key, with every id and digest that others need and cannot compute."""
        source, key, connection_id = listed.source, listed.provider_key, listed.connection_id
        key_id = self.of_key(source, key)
        return Recording(
            **listed.values(),
            recording_id=key_id,
            key_id=key_id,
            collision_id=self.of_collision(source, key, connection_id),
            connection_digest=self.of_connection(source, connection_id) if connection_id else None,
        )

    def _digest(self, text: str) -> str:
        """HMAC-SHA-256 (RFC 2104, https://www.rfc-editor.org/rfc/rfc2104), as Python's ``hmac`` makes it. With the key
        prepared it takes two thirds of the time, and a poll does this for each row."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return outer.hexdigest()

"""The wrong answer that each fault gives: to any request, to a listing, for an audio file."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import shake_128

from call_lake_local.simulators.audio import CONTENT_TYPES, Audio, wav_header
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Body, Ending, answer, first_bytes, refused

LINK_LOCAL = "http://169.254.169.254/latest/meta-data/"
_HTML = "text/html; charset=utf-8"
_MAINTENANCE = b"<!DOCTYPE html>\n<html><head><title>Przerwa techniczna</title></head><body>503</body></html>\n"
_LOGIN = b"<!DOCTYPE html>\n<html><body><form action='/login'><input name='password'></form></body></html>\n" * 8

type Refusal = Callable[[int, str], Answer]
"""The provider's own error body: status, message."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where else the same file can be had, as absolute URLs."""

    same_host: str
    foreign: str


def any_request_fault(name: str, plan: FaultPlan, now: datetime, refusal: Refusal) -> Answer:
    """Raises KeyError for a fault that is not of Place.ANY."""
    wait = str(plan.retry_after_s)
    at = format_datetime((now + timedelta(seconds=plan.retry_after_s)).replace(microsecond=0), usegmt=True)
    answers: dict[str, Callable[[], Answer]] = {
        "rate_limited": lambda: _with(refusal(429, "Too many requests"), "Retry-After", wait),
        "rate_limited_date": lambda: _with(refusal(429, "Too many requests"), "Retry-After", at),
        "http_500": lambda: refusal(500, "Internal error"),
        "http_502": lambda: answer(502, b"<html><body>502 Bad Gateway</body></html>", "text/html"),
        "http_503": lambda: answer(503, b"", ""),
        "reset": refused,
        "unauthorized": lambda: refusal(401, "Unauthorized"),
    }
    return answers[name]()


def listing_fault(name: str, right: Answer, refusal: Refusal) -> Answer:
    """Raises KeyError for a fault that is not of Place.LISTING."""
    answers: dict[str, Callable[[], Answer]] = {
        "html_listing": lambda: answer(200, _MAINTENANCE, _HTML),
        "cut_json": lambda: answer(200, (text := b"".join(right.body()))[: max(1, len(text) // 2)]),
        "error_with_200": lambda: refusal(500, "Internal error").but(status=200),
    }
    return answers[name]()


def audio_answer(audio: Audio) -> Answer:
    """The whole file with its length and type."""
    length, body = audio.open()
    return Answer(200, body, length, {"Content-Type": CONTENT_TYPES[audio.format]})


def audio_fault(name: str, right: Answer, places: Places, plan: FaultPlan, refusal: Refusal) -> Answer:
    """``right`` is the answer without the fault. Raises KeyError for a fault that is not of Place.AUDIO."""
    length, kind = right.declared_length or 0, {"Content-Type": right.headers["Content-Type"]}
    half = right.but(body=first_bytes(right.body, length // 2))
    answers: dict[str, Callable[[], Answer]] = {
        "not_ready": lambda: refusal(404, "Recording not found"),
        "html_audio": lambda: answer(200, _LOGIN, _HTML),
        "json_audio": lambda: refusal(500, "Recording is being processed").but(status=200),
        "empty_audio": lambda: answer(200, b"", kind["Content-Type"]),
        "header_only": lambda: answer(200, wav_header(0, 1, 8000), "audio/wav"),
        "truncated": lambda: half.but(ending=Ending.CLOSED),
        "cut_chunked": lambda: half.but(ending=Ending.CLOSED, declared_length=None),
        "short_file": lambda: _first(right, length * 2 // 3),
        "reset_midway": lambda: half.but(ending=Ending.RESET),
        "stalled": lambda: half.but(ending=Ending.STALLED),
        "slow_drip": lambda: right.but(body=_in_parts(right.body, -(-length // 12)), pause_s=plan.drip_pause_s),
        "chunked": lambda: right.but(declared_length=None),
        "wrong_type": lambda: right.but(headers={"Content-Type": _HTML}),
        "no_type": lambda: right.but(headers={}),
        "redirect_same_host": lambda: _redirect(places.same_host),
        "redirect_foreign": lambda: _redirect(places.foreign),
        "redirect_link_local": lambda: _redirect(LINK_LOCAL),
        "forbidden": lambda: refusal(403, "Access denied"),
        "gone": lambda: refusal(404, "Recording not found"),
        "garbage": lambda: answer(200, _noise(places.same_host, 5000), kind["Content-Type"]),
        "pgp": lambda: answer(200, _pgp(places.same_host), kind["Content-Type"]),
    }
    return answers[name]()


def _with(right: Answer, name: str, value: str) -> Answer:
    return right.but(headers={**right.headers, name: value})


def _first(right: Answer, count: int) -> Answer:
    return right.but(body=first_bytes(right.body, count), declared_length=count)


def _redirect(to: str) -> Answer:
    return answer(302, b"", "", Location=to)


def _in_parts(body: Body, size: int) -> Body:
    def parts() -> Iterator[bytes]:
        held = bytearray()
        for chunk in body():
            held += chunk
            while len(held) >= size:
                yield bytes(held[:size])
                del held[:size]
        if held:
            yield bytes(held)

    return parts


def _noise(seed: str, count: int) -> bytes:
    """Bytes that no audio format begins with."""
    return b"\x00\x01\x02" + shake_128(seed.encode()).digest(count)


def _pgp(seed: str) -> bytes:
    """An OpenPGP message, armoured or (old format, a public-key encrypted session key first) binary."""
    noise = _noise(seed, 3000)
    if noise[3] % 2:
        return b"\x85\x01\x0c\x03" + noise[3:]
    lines = b64encode(noise).decode()
    body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN PGP MESSAGE-----\n\n{body}\n-----END PGP MESSAGE-----\n".encode()

"""Recording ids and digests are keyed: without the stack's key nobody can compute one, or test a guess."""

import hashlib
import hmac
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.ledger.identity import possible_ids
from call_lake.model.messages import message_of, recording_from_message
from call_lake.model.recording_ids import RecordingIds
from tests.support.fakes.ids import ID_KEY, IDS
from tests.support.fakes.provider import make_recording

OTHER = RecordingIds("another invented key, of another stack")
KEY_TEXT = "sales/2026-11-20/2026-11-20_101500_48500600700.1.wav"
texts = st.text(max_size=40)
sources = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)


def test_the_ids_and_digests_are_those_that_openssl_makes() -> None:
    # printf 'recording\0thulium\0sales/a.wav' | openssl dgst -sha256 -hmac an-invented-key-of-recording-ids-0123456789
    assert ID_KEY == "an-invented-key-of-recording-ids-0123456789"
    assert IDS.of_key("thulium", "sales/a.wav") == "thulium-e2070ff47168949b73d66b406dd66ec5"
    # printf 'collision\0thulium\0' then '11\0sales/a.wav\0100.1'
    assert IDS.of_collision("thulium", "sales/a.wav", "100.1") == "thulium-519d1afeadba1518c3748c9ed49fa0ab"
    # printf 'connection\0thulium\0100.1'
    assert IDS.of_connection("thulium", "100.1") == "hmac:bef24e15a7b766a7e29985b9d430a846"
    # printf 'fingerprint\0'
    assert IDS.fingerprint == "57642001237743901c9f44f810a6c56d2d8efc96caab6099b62aa628742636df"


@given(sources, texts)
def test_an_id_is_the_hmac_of_kind_source_and_key(source: str, key: str) -> None:
    text = f"recording\0{source}\0{key}".encode("utf-8", "surrogatepass")
    assert IDS.of_key(source, key) == f"{source}-{hmac.digest(ID_KEY.encode(), text, 'sha256').hex()[:32]}"


@given(st.text(min_size=24, max_size=200), texts)
def test_a_key_of_any_length_is_used_as_hmac_uses_it(end: str, text: str) -> None:
    key = f"01234567{end}"
    secret, given_text = (one.encode("utf-8", "surrogatepass") for one in (key, f"recording\0s\0{text}"))
    assert RecordingIds(key).of_key("s", text) == f"s-{hmac.digest(secret, given_text, 'sha256').hex()[:32]}"


@given(sources, texts, texts)
def test_two_stacks_have_no_id_and_no_digest_in_common(source: str, key: str, connection: str) -> None:
    for method, given_texts in (("of_key", (key,)), ("of_collision", (key, connection)), ("of_connection", (key,))):
        assert getattr(IDS, method)(source, *given_texts) != getattr(OTHER, method)(source, *given_texts)
    assert IDS.of_key(source, key) == RecordingIds(ID_KEY).of_key(source, key)


@pytest.mark.parametrize("algorithm", sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}))
def test_no_plain_hash_of_what_an_attacker_can_guess_leads_to_an_id(algorithm: str) -> None:
    recording = replace(make_recording(1, key=KEY_TEXT), connection_id="1795166100.1")
    recording = IDS.identified(recording)
    parts = ("", "thulium", KEY_TEXT, "1795166100.1", IDS.fingerprint, "recording", "collision", "connection")
    seen = " ".join((*possible_ids(recording), str(recording.connection_digest), IDS.fingerprint))
    for separator, *chosen in product(("", "\0", "\n", "-"), parts, parts, parts):
        digest = hashlib.new(algorithm, separator.join(chosen).encode(), usedforsecurity=False).hexdigest()
        assert digest[:32] not in seen


@given(st.lists(st.tuples(sources, texts, texts), min_size=2, max_size=2, unique=True))
def test_no_two_keys_and_connections_share_a_collisions_id(two: list[tuple[str, str, str]]) -> None:
    one, other = (IDS.of_collision(*parts) for parts in two)
    assert one != other


def test_a_zero_byte_does_not_move_text_from_key_to_connection() -> None:
    assert IDS.of_collision("s", "a\0b", "c") != IDS.of_collision("s", "a", "b\0c")
    assert IDS.of_collision("s", "a", "") != IDS.of_key("s", "a\0")


@given(texts)
def test_ids_of_keys_of_collisions_and_of_connections_are_three_kinds(text: str) -> None:
    digests = {
        IDS.of_key("s", text).removeprefix("s-"),
        IDS.of_collision("s", text, None).removeprefix("s-"),
        IDS.of_connection("s", text).removeprefix("hmac:"),
        IDS.fingerprint[:32],
    }
    assert len(digests) == 4


def test_two_sources_do_not_show_that_they_list_one_file() -> None:
    one, other = IDS.of_key("north", KEY_TEXT), IDS.of_key("south", KEY_TEXT)
    assert one.removeprefix("north-") != other.removeprefix("south-")
    assert IDS.of_connection("north", "1.1") != IDS.of_connection("south", "1.1")


@pytest.mark.parametrize("key", ["", "0123456789", "k" * 31])
def test_a_key_that_is_short_enough_to_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=f"the key has {len(key)} characters"):
        RecordingIds(key)


@given(texts, st.none() | texts)
def test_a_message_brings_every_id_and_digest(key: str, connection: str | None) -> None:
    recording = IDS.identified(replace(make_recording(1), provider_key=key, connection_id=connection))
    read = recording_from_message(message_of(recording))
    assert read == recording
    assert possible_ids(read) == (
        IDS.of_key("thulium", key),
        IDS.of_collision("thulium", key, connection),
    )
    assert possible_ids(read.as_collision()) == tuple(reversed(possible_ids(read)))
    assert read.connection_digest == (IDS.of_connection("thulium", connection) if connection else None)


def test_a_message_of_the_first_version_is_refused() -> None:
    body = message_of(make_recording(1)).replace('"version": 2', '"version": 1')
    with pytest.raises(ValueError, match="message version 1 is not 2"):
        recording_from_message(body)


@pytest.mark.parametrize("missing", ["recording_id", "key_id", "collision_id", "source", "provider_key"])
def test_a_message_without_an_id_is_refused(missing: str) -> None:
    body = message_of(make_recording(1)).replace(f'"{missing}"', '"other"')
    with pytest.raises(ValueError, match="not a recording message"):
        recording_from_message(body)

"""A record's link to its audio that has expired or moved is asked for again."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from call_lake.errors import NotReady, Reason, SecretEmpty, StepFailed, Terminal, Transient
from call_lake.ledger.entry import State, entry_of
from call_lake.model.recording import Recording
from call_lake.providers import make_provider
from call_lake.providers.conpeek.api import LINK_PAGES
from call_lake.settings import SourceSettings
from call_lake_local.simulators.serving import running
from call_lake_local.simulators.simulation import FAKE_KEY
from call_lake_local.simulators.world import World as CallWorld
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider
from tests.support.pipeline import Pipeline
from tests.support.stub_conpeek import Tenant, make, one, row
from tests.support.stub_web import Reply, Seen, StubWeb

OLD, NEW = "/files/old", "/files/new"
DEAD = [400, 401, 403, 404, 410]


class Web:
    """A tenant whose listing gives ``rows``, or what ``listing`` answers; every file but ``NEW`` is refused."""

    def __init__(self, *rows: dict[str, Any], status: int = 403, listing: Reply | None = None, cap: int = 500) -> None:
        self.tenant = Tenant(list(rows), cap=cap)
        self.status, self.listing = status, listing
        self.web = StubWeb(self.answer)

    def answer(self, seen: Seen) -> Reply:
        if "/cdr_dialog_recording" in seen.url:
            return self.listing or self.tenant.answer(seen)
        return Reply(body=b"audio") if seen.url.endswith(NEW) else Reply(self.status)

    @property
    def asked(self) -> list[str]:
        """``list``, or the file's path, for each request in turn."""
        return ["list" if "filter" in seen.query else seen.url.partition(".test")[2] for seen in self.web.seen]

    def read(self, recording: Recording, **chosen: Any) -> bytes:
        with make(self.web, **chosen).open_audio(recording, deadline_s=100) as stream:
            return b"".join(stream)

    def refusal(self, recording: Recording, **chosen: Any) -> StepFailed:
        with pytest.raises(StepFailed) as caught:
            self.read(recording, **chosen)
        return caught.value


def listed(**changes: Any) -> Recording:
    return one({"recording_url": OLD} | changes)


@pytest.mark.parametrize("status", DEAD)
def test_a_dead_link_is_replaced_by_the_one_that_the_record_has_now(status):
    web = Web(row(1, recording_url="/files/other"), row(recording_url=NEW), status=status)
    assert web.read(listed()) == b"audio"
    assert web.asked[-2:] == ["list", NEW]


def test_the_recordings_own_moment_is_listed():
    web = Web(row(recording_url=NEW))
    web.read(listed())
    conditions = json.loads(next(seen for seen in web.web.seen if "filter" in seen.query).query["filter"])
    assert [one["value"] for one in conditions] == ["2026-06-01 22:31:04", "2026-06-01 22:31:06"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_in_trouble_is_not_taken_for_a_dead_link(status):
    web = Web(row(recording_url=NEW), status=status)
    assert isinstance(web.refusal(listed()), Transient)
    assert web.asked == [OLD]


def test_what_is_refused_under_a_made_address_has_no_newer_link():
    web = Web(row(recording_url=NEW))
    assert web.refusal(one({})).reason is Reason.FORBIDDEN
    assert "list" not in web.asked


def test_what_goes_wrong_while_the_body_is_read_lists_nothing():
    web = Web(row(recording_url=NEW), status=200)
    with (
        pytest.raises(Terminal, match="no audio"),
        make(web.web).open_audio(listed(), deadline_s=100),
    ):
        raise Terminal(Reason.NOT_AUDIO, "no audio", status=403)
    assert web.asked == [OLD]


@pytest.mark.parametrize(("status", "verdict"), [(403, Terminal), (404, NotReady), (400, Transient)])
@pytest.mark.parametrize("now", [row(recording_url=OLD), row()])
def test_without_another_link_the_first_refusal_stands_and_says_so(status, verdict, now):
    web = Web(now, status=status)
    refusal = web.refusal(listed())
    assert type(refusal) is verdict
    assert refusal.status == status
    assert refusal.detail.endswith("the provider lists this one still")
    assert web.asked.count(OLD) == 1


@pytest.mark.parametrize("status", DEAD)
@pytest.mark.parametrize("now", [[], [row(1, recording_url=NEW)]])
def test_a_record_that_is_not_listed_is_looked_for_until_not_ready_has_lasted(status, now):
    refusal = Web(*now, status=status).refusal(listed())
    assert type(refusal) is NotReady
    assert str(status) in refusal.detail


def test_a_link_of_another_recording_under_the_same_key_is_not_taken():
    recording = listed(recording_uuid="r", dialog_uuid="mine")
    others = row(recording_uuid="r", dialog_uuid="theirs", recording_url=NEW)
    web = Web(others, row(recording_uuid="r", dialog_uuid="mine", recording_url=OLD))
    assert web.refusal(recording).reason is Reason.FORBIDDEN
    assert Web(others).refusal(recording.as_collision()).reason is Reason.NOT_FOUND


def test_a_connection_that_is_listed_only_later_is_the_same_recording():
    recording = listed(recording_uuid="r", dialog_uuid=None)
    assert Web(row(recording_uuid="r", recording_url=NEW)).read(recording) == b"audio"


def test_a_newer_link_that_is_refused_too_is_the_end_of_the_attempt():
    web = Web(row(recording_url="/files/newer"), status=404)
    assert web.refusal(listed()).reason is Reason.NOT_FOUND
    assert web.asked == [OLD, "list", "/files/newer"]


def test_a_newer_link_on_a_host_that_is_not_allowed_is_not_followed():
    web = Web(row(recording_url="http://elsewhere.test/files/new"))
    assert web.refusal(listed()).reason is Reason.HOST_NOT_ALLOWED
    assert web.asked == [OLD, "list"]


def test_a_newer_link_on_an_allowed_host_gets_no_credentials():
    web = Web(row(recording_url="https://93.184.216.34/files/new"))
    assert web.read(listed(), allowed_hosts=("93.184.216.34",)) == b"audio"
    assert "Authorization" not in web.web.seen[-1].headers


# When the listing fails


@pytest.mark.parametrize("status", DEAD)
@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        (Reply(429, headers={"Retry-After": "70"}), Reason.RATE_LIMITED),
        (Reply(503), Reason.HTTP_ERROR),
        (Reply(401), Reason.UNAUTHORIZED),
        (Reply(403), Reason.FORBIDDEN),
        (Reply(body=b"<html>"), Reason.BAD_LISTING),
    ],
)
def test_nothing_fails_for_good_while_a_newer_link_cannot_be_asked_for(status, listing, reason):
    refusal = Web(status=status, listing=listing).refusal(listed())
    assert isinstance(refusal, Transient)
    assert refusal.reason is reason
    assert str(status) in refusal.detail
    assert refusal.retry_after_s == (70 if reason is Reason.RATE_LIMITED else None)


def test_rows_that_move_while_the_newer_link_is_looked_for_fail_nothing_for_good():
    web = Web(*(row(number) for number in range(1, 15)), cap=10)

    def drifting(seen: Seen) -> Reply:
        reply = web.answer(seen)
        web.tenant.rows.pop(0)
        return reply

    web.web.answer = drifting
    assert isinstance(web.refusal(listed(), page_size=10), Transient)


def test_a_secret_that_was_emptied_is_waited_for():
    web = Web(row(recording_url=NEW))
    secrets = [{"key": "raw-key"}]

    def secret(fresh: bool) -> dict[str, str]:
        if not secrets:
            raise SecretEmpty("empty")
        return secrets.pop()

    settings = SourceSettings("conpeek", "conpeek", "https://conpeek.test/api")
    provider = make_provider(settings, secret, World.make().clock, web.web.session)
    with pytest.raises(SecretEmpty), provider.open_audio(listed(), deadline_s=100):
        pass


# Bounds


def test_a_moment_of_many_dialogs_is_not_walked_to_its_end():
    web = Web(*(row(number) for number in range(1, 1000)), row(recording_url=NEW), cap=10)
    assert web.refusal(listed(), page_size=10).reason is Reason.NOT_FOUND
    assert web.asked.count("list") == LINK_PAGES


def test_the_search_ends_with_the_page_that_has_the_recording():
    web = Web(row(recording_url=OLD), *(row(number) for number in range(1, 100)), cap=10)
    web.refusal(listed(), page_size=10)
    assert web.asked == [OLD, "list"]


def test_listing_and_both_downloads_share_one_deadline():
    clock = World.make().clock
    web = Web(row(recording_url=NEW))

    def slow(seen: Seen) -> Reply:
        clock.advance(timedelta(seconds=6))
        return web.answer(seen)

    web.web.answer = slow
    settings = SourceSettings("conpeek", "conpeek", "https://conpeek.test/api", timeout_s=30.0)
    provider = make_provider(settings, lambda fresh: {"key": "raw-key"}, clock, web.web.session)

    with provider.open_audio(listed(), deadline_s=30):
        pass

    first, listing, second = [seen.timeout[0] for seen in web.web.seen]
    assert (first, listing, second) == (15, 6, 9), "half of what is left; the listing may take half of that"


# The whole way


def tenant(base_url: str, world: World) -> Pipeline:
    settings = SourceSettings("conpeek", "conpeek", base_url, requests_per_second=1000.0)
    provider = make_provider(settings, lambda fresh: {"key": FAKE_KEY}, world.clock)
    return Pipeline(world, {"thulium": FakeProvider(), "conpeek": provider})


def test_a_recording_whose_first_link_has_expired_is_stored_in_one_attempt():
    calls = CallWorld.generate(seed=4, count=6, start=date(2026, 10, 19), days=1, tiny_audio=True)
    with running(calls, "expired_link:1") as handles:
        world = World.make()
        pipeline = tenant(handles.conpeek_url, world)
        world.clock.advance_to(datetime(2026, 10, 22, tzinfo=UTC))
        pipeline.poll("conpeek", sweep=True)
        pipeline.copy_once("conpeek")
        entries = [entry_of(item) for item in world.table.items("conpeek-").values()]
        truth = {one["provider_key"]: one["sha256"] for one in handles.simulation.conpeek.truth()}
        faults = handles.simulation.conpeek.stats.snapshot()["faults"]

    assert [entry.state for entry in entries] == [State.STORED] * 6
    assert {entry.attempts for entry in entries} == {0}
    assert {e.recording.provider_key: e.audio.facts.sha256 for e in entries if e.recording and e.audio} == truth
    assert all(str(e.recording and e.recording.audio_url).endswith("?link=0") for e in entries), "nothing is refrozen"
    assert faults == {"expired_link": 6}


def test_what_is_redriven_or_repaired_gets_a_newer_link_too():
    calls = CallWorld.generate(seed=4, count=2, start=date(2026, 10, 19), days=1, tiny_audio=True)
    with running(calls, "expired_link:1") as handles:
        world = World.make()
        pipeline = tenant(handles.conpeek_url, world)
        world.clock.advance_to(datetime(2026, 10, 22, tzinfo=UTC))
        pipeline.poll("conpeek", sweep=True)
        for message in world.queues["conpeek"].receive():
            world.queues["conpeek"].delete(message.receipt_handle)
        first, _ = [entry_of(item) for item in world.table.items("conpeek-").values()]
        pipeline.ledger.failed(first, Terminal(Reason.FORBIDDEN, "403"))
        assert pipeline.ledger.redriven(first.recording_id)
        world.clock.advance(timedelta(days=1, hours=1))
        pipeline.poll("conpeek")
        pipeline.copy_once("conpeek")
        stored = [entry_of(item) for item in world.table.items("conpeek-").values()]
        assert [entry.state for entry in stored] == [State.STORED] * 2

        world.store.delete([info.key for info in world.store.list("audio/")])
        assert all(pipeline.ledger.repaired(entry) for entry in stored)
        pipeline.poll("conpeek")
        pipeline.copy_once("conpeek")
        again = [entry_of(item) for item in world.table.items("conpeek-").values()]

    assert [(entry.state, entry.attempts) for entry in again] == [(State.STORED, 0)] * 2
    assert len(list(world.store.list("audio/"))) == 2

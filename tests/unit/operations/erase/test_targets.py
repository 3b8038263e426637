"""What an erasure finds, what it only lists, and that one does not pass for the other."""

from dataclasses import replace

import pytest

from call_lake.model.recording import Recording
from call_lake.operations.erase.targets import ErasureRequest, Near, Targets
from tests.support.erasing import by_number, erase, eraser_of, own_traces
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench

NUMBER = "+48800000003"
THEIRS = replace(make_recording(3), agent="Anna Łęcka")
ALIKE = replace(make_recording(4), caller="9800000003", agent="Jan")
ABROAD = replace(make_recording(5), caller="+49800000003")
INSIDE = replace(make_recording(6), raw='{"transferred_from": "800-000-003"}')
IN_NAME = make_recording(7, key="sales/2026-10-20/800000003.wav")
OTHER = make_recording(8)
EVERYBODY = (THEIRS, ALIKE, ABROAD, INSIDE, IN_NAME, OTHER)


@pytest.fixture
def bench() -> Bench:
    bench = Bench(0)
    bench.recordings = list(EVERYBODY)
    bench.thulium.add(*EVERYBODY)
    bench.settle()
    return bench


def found(bench: Bench, number: str = NUMBER, **more: object) -> Targets:
    request = ErasureRequest(numbers=frozenset({number}), **more)  # type: ignore[arg-type]
    return eraser_of(bench.world).dry_run(request).targets


def ids(*recordings: Recording) -> frozenset[str]:
    return frozenset(one.recording_id for one in recordings)


@pytest.fixture(params=["in the ledger", "in the lake alone"])
def everywhere(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    if request.param == "in the lake alone":
        for one in EVERYBODY:
            bench.lose_item(one)
    return bench


def test_what_is_only_perhaps_theirs_is_listed_and_not_taken(everywhere: Bench) -> None:
    targets = found(everywhere)

    assert (targets.ids, targets.matched) == (ids(THEIRS), 1)
    assert targets.near.numbers == {"9800000003": 1, "+49800000003": 1}
    assert set(targets.near.mentioned) == ids(INSIDE, IN_NAME)
    assert targets.agents == {"Anna Łęcka": 1}


def test_also_takes_one_number_and_mentioned_takes_what_is_inside_records(everywhere: Bench) -> None:
    targets = found(everywhere, also=frozenset({"9800000003"}), mentioned=True)

    assert targets.ids == ids(THEIRS, ALIKE, INSIDE, IN_NAME)
    assert targets.near == Near(numbers={"+49800000003": 1})


def test_exact_leaves_out_what_is_perhaps_theirs_and_reads_no_record(everywhere: Bench) -> None:
    targets = found(everywhere, "0048 800 000 003", exact=True)

    assert targets.ids == ids(THEIRS)
    assert targets.near == Near()


def test_exact_and_mentioned_takes_records_and_no_alike_number(everywhere: Bench) -> None:
    assert found(everywhere, exact=True, mentioned=True).ids == ids(THEIRS, INSIDE, IN_NAME)


def test_a_name_in_another_spelling_is_found_and_a_similar_one_is_listed(everywhere: Bench) -> None:
    look = eraser_of(everywhere.world).dry_run

    assert look(ErasureRequest(agents=frozenset({"ANNA LECKA"}))).targets.ids == ids(THEIRS)
    assert look(ErasureRequest(agents=frozenset({"Anna"}))).targets.near.agents == {"Anna Łęcka": 1}
    assert look(ErasureRequest(agents=frozenset({"Anna Lecka"}), exact=True)).targets.all == ()


def test_nothing_found_makes_no_query_result_a_hit(bench: Bench) -> None:
    bench.world.store.put("athena-results/1.csv", b"somebody else's")

    report = erase(bench, ErasureRequest(numbers=frozenset({"+48800777777"})))

    assert (report.targets.matched, report.targets.all, report.hits) == (0, (), 0)
    assert bench.world.store.bodies("athena-results/")


def test_what_an_earlier_erasure_left_is_found_and_not_counted_as_matched(bench: Bench) -> None:
    def broken_off(until: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eraser_of(bench.world).erase(by_number(OTHER), broken_off)

    targets = found(bench)

    assert (targets.ids, targets.matched) == (ids(THEIRS, OTHER), 1)


def test_nothing_changes_where_the_question_is_answered_with_no(bench: Bench) -> None:
    asked = []

    def refuse(targets: Targets, query_results: int) -> None:
        asked.append((targets.ids, query_results))
        raise KeyboardInterrupt

    bench.world.store.put("athena-results/1.csv", b"")
    before = bench.world.store.bodies(), bench.world.table.items()
    with pytest.raises(KeyboardInterrupt):
        eraser_of(bench.world).erase(ErasureRequest(numbers=frozenset({NUMBER})), None, refuse)

    assert asked == [(ids(THEIRS), 1)]
    assert (bench.world.store.bodies(), bench.world.table.items()) == before


def test_what_the_records_alone_hold_is_erased_whole(bench: Bench) -> None:
    erase(bench, ErasureRequest(numbers=frozenset({NUMBER}), mentioned=True, exact=True))

    assert own_traces(bench, IN_NAME) == {}
    assert own_traces(bench, OTHER)

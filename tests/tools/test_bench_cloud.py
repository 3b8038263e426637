"""The bench of a cloud's time: which requests follow each other, and what a share of a processor costs."""

import time

from bench.cloud.cloud import Cloud, Request, Times, in_a_row


def test_a_chain_has_the_first_thread_and_of_each_pool_the_longest() -> None:
    made = [("MainThread", 1), ("Pool-1_0", 2), ("Pool-1_1", 3), ("Pool-2_0", 1)]
    requests = [Request(name, name, 0.1) for name, count in made for _ in range(count)]

    assert in_a_row(requests) == {"MainThread": 1, "Pool-1_1": 3, "Pool-2_0": 1}


def test_a_request_takes_its_time_and_that_of_a_slower_processor() -> None:
    cloud = Cloud(Times(dynamodb_ms=20, cpu_ms=10, jitter=0, slow=1), 885, 1)  # half a processor

    begun_s, real_s = cloud.begin(), time.perf_counter()
    cloud.world.table.get("none")

    assert 0.04 <= cloud.taken(begun_s) <= time.perf_counter() - real_s + 0.01
    assert [one.what for one in cloud.requests] == ["table.get"]

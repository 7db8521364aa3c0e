import itertools
import threading
import uuid

import pytest

from marquee.events import records
from marquee.events.request_ids import RequestIds


def test_a_request_id_is_a_uuid_of_version_7_with_the_time_in_it():
    made = uuid.UUID(RequestIds(clock=lambda: 0x0123_4567_89AB * 1_000_000)())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 0x0123_4567_89AB


@pytest.mark.parametrize("step", [0, -50, 1_000, 1_000_000])
def test_request_ids_grow_though_the_clock_stands_still_or_is_set_back(step: int):
    nanoseconds = itertools.count(10**18, step)
    make = RequestIds(clock=lambda: next(nanoseconds))
    made = [make() for _ in range(2000)]
    assert made == sorted(set(made))
    assert {uuid.UUID(one).version for one in made} == {7}


def test_bits_of_chance_that_are_used_up_carry_into_the_time():
    make = RequestIds(clock=lambda: 5_000_000)
    make._last = 6 << 74 | (1 << 74) - 1  # 6 ms, all bits of chance set
    made = uuid.UUID(make())
    assert made.int >> 80 == 7
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_request_ids_of_many_threads_are_all_different():
    made: list[str] = []

    def make_many() -> None:
        made.extend([records.request_id() for _ in range(5000)])

    threads = [threading.Thread(target=make_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000

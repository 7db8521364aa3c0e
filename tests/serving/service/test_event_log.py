"""The event log: what it promises a request, a reader, and whoever looks after the disk."""

import errno
import logging
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from marquee.events import segments
from marquee.events.records import Record
from marquee.events.segments import Counted
from marquee.pipeline.params import EventsParams
from marquee.serving.service import event_log, event_writer
from marquee.serving.service.event_log import EventLog, EventLogError
from marquee.serving.service.event_writer import Stats
from tests.events import examples
from tests.places import ROOT

PARAMS = EventsParams(
    enabled=True, queue_length=1000, segment_mb=1.0, flush_seconds=0.02, retention_days=90.0, max_gb=1.0
)
PATIENCE = 10.0


@contextmanager
def opened(folder: Path, watch: Callable[[Stats], None] | None = None, **changed: Any) -> Iterator[EventLog]:
    log = EventLog(folder, PARAMS.model_copy(update=changed), watch)
    try:
        yield log
    finally:
        log.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def read(folder: Path, **how: Any) -> tuple[list[Record], Counted]:
    counted = Counted()
    return list(segments.read(folder, counted, **how)), counted


def numbers(folder: Path) -> list[int]:
    return [int(record.visitor_id or -1) for record in read(folder)[0]]


def numbered(number: int) -> dict[str, Any]:
    return examples.feedback(visitor_id=str(number))


# ---- writing ----------------------------------------------------------------------------------------------


def test_nothing_is_started_or_written_before_the_first_record(tmp_path: Path):
    threads = threading.active_count()
    with opened(tmp_path / "segments") as log:
        assert threading.active_count() == threads
        assert log.stats().queue_length == 0
        assert log.healthy
    assert not (tmp_path / "segments").exists()


def test_records_are_on_disk_in_order_once_the_log_is_closed(tmp_path: Path):
    with opened(tmp_path) as log:
        assert all(log.put(numbered(number)) for number in range(500))
    assert numbers(tmp_path) == list(range(500))
    assert all(segment.complete for segment in segments.found(tmp_path))
    stats = log.stats()
    assert stats.written == {"recommend": 0, "similar": 0, "predict_ratings": 0, "feedback": 500}
    assert sum(stats.dropped.values()) == 0
    assert stats.healthy


def test_a_record_reaches_the_operating_system_within_the_second(tmp_path: Path):
    with opened(tmp_path, flush_seconds=0.5) as log:
        log.put(examples.answer())
        start = time.monotonic()
        until(lambda: read(tmp_path, include_open=True)[0])
        assert time.monotonic() - start < 1.0


def test_a_record_is_made_by_the_writer_and_not_by_the_request(tmp_path: Path):
    makers: list[str] = []

    def make() -> dict[str, Any]:
        makers.append(threading.current_thread().name)
        return examples.answer()

    with opened(tmp_path) as log:
        log.put(make)
    assert makers == ["event log"]
    assert read(tmp_path)[1] == Counted(records=1)


def test_a_segment_that_is_large_is_completed_and_another_begun(tmp_path: Path):
    with opened(tmp_path, segment_mb=0.01) as log:
        for number in range(200):
            log.put(numbered(number))
            time.sleep(0.001)
    sizes = [segment.path.stat().st_size for segment in segments.found(tmp_path)]
    assert len(sizes) > 1
    assert all(size >= 10_000 for size in sizes[:-1])
    assert numbers(tmp_path) == list(range(200))


def test_a_segment_that_is_old_is_completed_however_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_writer, "LONGEST_OPEN_SECONDS", 0.05)
    with opened(tmp_path) as log:
        log.put(numbered(1))
        until(lambda: [segment.complete for segment in segments.found(tmp_path)] == [True])
        log.put(numbered(2))
    assert numbers(tmp_path) == [1, 2]


def test_what_cannot_be_made_or_is_no_json_costs_no_other_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with opened(tmp_path) as log:
        log.put(numbered(1))
        log.put(lambda: {}["nothing"])
        log.put({"kind": "feedback", "rating": object()})
        log.put({"no": "kind"})
        log.put(numbered(2))
    assert numbers(tmp_path) == [1, 2]
    assert log.stats().dropped["invalid"] == 3
    assert len([record for record in caplog.records if "could not be made" in record.message]) == 1


def test_after_close_a_record_is_dropped_and_counted(tmp_path: Path):
    with opened(tmp_path) as log:
        log.put(numbered(1))
    assert not log.put(numbered(2))
    assert log.stats().dropped["closed"] == 1
    never_started = EventLog(tmp_path, PARAMS)
    never_started.close()
    assert not never_started.put(numbered(3))
    assert never_started.stats().dropped["closed"] == 1
    assert numbers(tmp_path) == [1]


# ---- a request never waits --------------------------------------------------------------------------------


def test_a_full_queue_drops_and_counts_and_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hanging = threading.Event()
    monkeypatch.setattr(segments.os, "write", lambda file, content: hanging.wait(PATIENCE) and len(content))
    with opened(tmp_path, queue_length=10) as log:
        log.put(numbered(0))
        until(lambda: log.stats().queue_length == 0)  # the writer has it, and hangs
        start = time.perf_counter()
        taken = [log.put(numbered(number)) for number in range(1000)]
        assert time.perf_counter() - start < 1.0  # a thousand; most of it makes the records
        assert taken == [True] * 10 + [False] * 990
        assert log.stats().dropped["queue_full"] == 990
        assert log.stats().queue_length == 10
        hanging.set()
    assert log.stats().written["feedback"] == 11


# ---- processes --------------------------------------------------------------------------------------------


def _write_some(folder: Path, log: EventLog, count: int) -> None:
    for _ in range(count):
        log.put(examples.answer())
        time.sleep(0.0005)
    log.close()


def test_two_processes_never_share_a_file_even_forked_off_one_log(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    with opened(tmp_path, segment_mb=0.02) as log:
        log.put(examples.answer())
        until(lambda: log.stats().written["recommend"] == 1)
        processes = [context.Process(target=_write_some, args=(tmp_path, log, 100)) for _ in range(3)]
        for process in processes:
            process.start()
        log.put(examples.answer())
        for process in processes:
            process.join()
            assert process.exitcode == 0
    workers: Counter[int] = Counter()
    for segment in segments.found(tmp_path):
        written = re.findall(rb'"worker":(\d+)', segment.path.read_bytes())
        assert {int(worker) for worker in written} == {segment.pid}
        workers.update(int(worker) for worker in written)
    assert workers == {os.getpid(): 2} | {process.pid: 100 for process in processes}
    assert read(tmp_path)[1] == Counted(records=302)


SERVE_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from marquee.pipeline.params import EventsParams
from marquee.serving.service.event_log import EventLog
from tests.events import examples
log = EventLog(Path(sys.argv[1]), EventsParams.model_validate_json(sys.argv[2]))
number = 0
while True:
    log.put(examples.answer(visitor_id=str(number), time=time.time()))
    print(number, time.time(), flush=True)
    number += 1
    time.sleep(0.002)
"""


@pytest.mark.parametrize("lived_seconds", [0.2, 1.3, 1.6])
def test_a_killed_process_loses_at_most_its_last_second_and_one_torn_line(
    lived_seconds: float, tmp_path: Path
):
    params = PARAMS.model_copy(update={"flush_seconds": 0.5}).model_dump_json()
    with subprocess.Popen(
        [sys.executable, "-c", SERVE_UNTIL_KILLED, str(tmp_path), params],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().split()]
        begun = float(said[0][1])
        while float(said[-1][1]) < begun + lived_seconds:
            said.append(process.stdout.readline().split())
        process.kill()
        said += [line.split() for line in process.stdout if line.endswith("\n")]
    put, last_put = int(said[-1][0]), float(said[-1][1])
    recorded, counted = read(tmp_path)
    assert counted.torn <= 1
    assert counted.bad == counted.later == 0
    # Nothing is missing but the end, and the end is at most the last second.
    assert [int(record.visitor_id or -1) for record in recorded] == list(range(len(recorded)))
    assert len(recorded) <= put + 2
    assert last_put - (recorded[-1].time if recorded else begun) <= 1.0


# ---- the disk ---------------------------------------------------------------------------------------------


def _refuse(file: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == event_writer.__name__]


def test_a_full_disk_raises_nothing_is_told_once_a_minute_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    with opened(tmp_path) as log:
        log.put(numbered(0))
        until(lambda: log.stats().written["feedback"] == 1)
        with monkeypatch.context() as full:
            full.setattr(segments.os, "write", _refuse)
            for number in range(1, 51):
                assert log.put(numbered(number))
                time.sleep(0.002)
            until(lambda: log.stats().dropped["disk"] == 50)
            assert not log.healthy
            assert "No space left on device" in (log.problem or "")
            assert log.stats().problem == log.problem
        log.put(numbered(51))
        until(lambda: log.stats().written["feedback"] == 2)
        assert log.healthy
    assert numbers(tmp_path) == [0, 51]
    assert read(tmp_path)[1] == Counted(records=2)
    assert len(lines_of(caplog)) == 1
    assert re.search(r"records cannot be written: .*No space left.*disk \d+", lines_of(caplog)[0])


def test_the_log_says_when_it_is_over_and_how_much_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(event_writer, "LOG_SECONDS", 0.0)
    with opened(tmp_path) as log:
        with monkeypatch.context() as full:
            full.setattr(segments.os, "write", _refuse)
            log.put(numbered(0))
            until(lambda: log.stats().dropped["disk"] == 1 and lines_of(caplog))
        until(lambda: log.healthy)  # found out without a record being put
    assert "disk 1" in lines_of(caplog)[0]
    assert lines_of(caplog)[-1] == "records are written. Dropped since the last such line: none"


def test_a_folder_that_cannot_be_written_raises_nothing_and_recovers(tmp_path: Path):
    # Under a file: tests may run as root, whom permissions do not stop.
    (tmp_path / "events").touch()
    with opened(tmp_path / "events" / "segments") as log:
        assert log.put(numbered(0))
        until(lambda: log.stats().dropped["disk"] == 1)
        assert "Not a directory" in (log.problem or "")
        (tmp_path / "events").unlink()
        until(lambda: log.healthy)
        log.put(numbered(1))
    assert numbers(tmp_path / "events" / "segments") == [1]


def test_a_folder_removed_under_the_log_is_made_again(tmp_path: Path):
    with opened(tmp_path / "segments") as log:
        log.put(numbered(0))
        until(lambda: log.stats().written["feedback"] == 1)
        for path in (tmp_path / "segments").iterdir():
            path.unlink()
        (tmp_path / "segments").rmdir()
        log.put(numbered(1))
        until(lambda: log.stats().dropped["disk"] == 1)
        log.put(numbered(2))
    assert numbers(tmp_path / "segments") == [2]


def test_whether_the_folder_can_be_written_is_checked_by_name(tmp_path: Path):
    event_log.check_writable(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(
        EventLogError,
        match=r"file/segments, .* cannot be written: .*Not a directory.*serving\.events\.enabled",
    ):
        event_log.check_writable(tmp_path / "file" / "segments")


# ---- retention --------------------------------------------------------------------------------------------


def aged(folder: Path, days: float, size: int) -> Path:
    """A complete segment begun so many days ago."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{time.time_ns() // 1_000_000 - int(days * 86_400_000)}-1-0.jsonl"
    path.write_bytes(b"x" * size)
    return path


def test_segments_older_than_the_days_kept_are_deleted_and_counted(tmp_path: Path):
    old, young = aged(tmp_path, 90.1, 1000), aged(tmp_path, 89.9, 1000)
    with opened(tmp_path, retention_days=90.0) as log:
        log.start()
        until(lambda: log.stats().deleted_segments == 1)
    assert (old.exists(), young.exists()) == (False, True)
    assert log.stats().deleted_bytes == 1000


def test_the_oldest_segments_are_deleted_where_all_take_too_much(tmp_path: Path):
    paths = [aged(tmp_path, days, 400_000) for days in (3, 2, 1)]
    with opened(tmp_path, max_gb=0.001) as log:
        log.start()
        until(lambda: log.stats().deleted_segments == 1)
    assert [path.exists() for path in paths] == [False, True, True]


def test_retention_is_looked_at_when_a_segment_is_complete(tmp_path: Path):
    with opened(tmp_path, segment_mb=0.01, max_gb=0.00003) as log:
        for number in range(1000):
            log.put(numbered(number))
            time.sleep(0.0005)
        until(lambda: log.stats().queue_length == 0)
        time.sleep(0.1)
        assert sum(segment.path.stat().st_size for segment in segments.found(tmp_path)) < 60_000
    assert log.stats().deleted_segments > 1
    kept = numbers(tmp_path)
    assert kept == list(range(kept[0], 1000))


# ---- metrics ----------------------------------------------------------------------------------------------


def test_metrics_are_given_the_stats_after_each_flush(tmp_path: Path):
    seen: list[Stats] = []
    with opened(tmp_path, watch=seen.append) as log:
        log.put(examples.answer())
        until(lambda: seen and seen[-1].written["recommend"] == 1)
    assert seen[-1].healthy


def test_metrics_that_fail_cost_no_record(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def fail(stats: Stats) -> None:
        raise RuntimeError("no metrics today")

    with opened(tmp_path, watch=fail) as log:
        log.put(numbered(0))
        until(lambda: lines_of(caplog))
        log.put(numbered(1))
    assert numbers(tmp_path) == [0, 1]
    assert lines_of(caplog) == ["the event log's stats are watched no longer"]
    assert log.healthy

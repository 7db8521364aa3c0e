"""The event log: what it promises a request, a reader, and whoever looks after the disk."""

import multiprocessing
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from marquee.events import segments
from marquee.events.segments import Counted
from marquee.serving.telemetry import event_writer
from marquee.serving.telemetry.event_log import EventLog
from tests.events import examples
from tests.serving.telemetry.event_logs import PARAMS, PATIENCE, numbered, numbers, opened, read, until


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


def test_a_record_is_as_it_was_when_it_was_put(tmp_path: Path):
    record = examples.answer()
    with opened(tmp_path) as log:
        log.put(record)
        record["visitor_id"] = "another"
    ((found,), _) = read(tmp_path)
    assert found.visitor_id == examples.answer()["visitor_id"]


def test_no_record_is_made_that_the_queue_has_no_room_for(tmp_path: Path):
    log = EventLog(tmp_path, PARAMS)
    log.close()
    assert not log.put(lambda: pytest.fail("nobody takes it"))


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

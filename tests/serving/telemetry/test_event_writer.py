"""What the writer of the event log survives: kills, full disks, removed folders, too much data."""

import errno
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marquee.events import segments
from marquee.events.segments import Counted
from marquee.serving.telemetry import event_log, event_writer
from marquee.serving.telemetry.event_log import EventLogError
from marquee.serving.telemetry.event_writer import Stats
from tests.events import examples
from tests.places import ROOT
from tests.serving.telemetry.event_logs import PARAMS, numbered, numbers, opened, read, until

SERVE_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from marquee.pipeline.params import EventsParams
from marquee.serving.telemetry.event_log import EventLog
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


def test_the_next_process_says_that_one_was_killed_and_completes_what_it_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    left = tmp_path / f"{int(time.time() * 1000) - 60_000}-77-0.jsonl"
    left.with_suffix(".jsonl.part").write_bytes(b'{"torn')
    with caplog.at_level(logging.WARNING), opened(tmp_path) as log:
        log.start()
        until(left.exists)
        until(lambda: lines_of(caplog))
    assert [line.partition(":")[0] for line in lines_of(caplog)] == [
        "worker 77 ended without completing its events"
    ]


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
    """A complete segment begun some days ago."""
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

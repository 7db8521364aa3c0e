import errno
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marquee.events import records, segments
from marquee.events.segments import Counted, CutOffError, Deleted, SegmentWriter
from tests.events import examples

NOW = 1_600_000_000_000


def line(**changed: Any) -> bytes:
    return records.to_line(examples.answer(**changed))


def write(folder: Path, *lines: bytes, now_ms: int = NOW) -> Path:
    """A complete segment."""
    segment = SegmentWriter(folder, now_ms)
    segment.append(b"".join(lines))
    segment.close()
    return segment.path.with_suffix("")


def left_behind(folder: Path, content: bytes, name: str = f"{NOW}-1-0.jsonl.part") -> Path:
    """A segment of a process that was killed."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def read(folder: Path, **how: Any) -> tuple[list[str | None], Counted]:
    counted = Counted()
    return [record.visitor_id for record in segments.read(folder, counted, **how)], counted


def test_a_segment_is_renamed_when_it_is_complete(tmp_path: Path):
    segment = SegmentWriter(tmp_path / "not there yet", NOW)
    assert segment.path.name == f"{NOW}-{os.getpid()}-0.jsonl.part"
    segment.append(line())
    segment.close()
    (found,) = segments.found(tmp_path / "not there yet")
    assert found.path.name == f"{NOW}-{os.getpid()}-0.jsonl"
    assert (found.start_ms, found.pid, found.number, found.complete) == (NOW, os.getpid(), 0, True)


def test_an_empty_segment_leaves_nothing(tmp_path: Path):
    SegmentWriter(tmp_path, NOW).close()
    assert list(tmp_path.iterdir()) == []


def test_segments_begun_in_the_same_millisecond_never_share_a_name(tmp_path: Path):
    write(tmp_path, line(visitor_id="first"))
    being_written = SegmentWriter(tmp_path, NOW)
    being_written.append(line(visitor_id="second"))
    write(tmp_path, line(visitor_id="third"))
    being_written.close()
    assert read(tmp_path) == (["first", "second", "third"], Counted(records=3))


def test_segments_are_read_in_the_order_begun_and_other_files_are_not(tmp_path: Path):
    write(tmp_path, line(visitor_id="b"), now_ms=10_000)
    write(tmp_path, line(visitor_id="a"), now_ms=9_000)  # before it in time, behind it as text
    (tmp_path / "notes.jsonl").write_bytes(line(visitor_id="no"))
    (tmp_path / f".part.{NOW}-1-0.jsonl").write_bytes(line(visitor_id="no"))
    assert read(tmp_path) == (["a", "b"], Counted(records=2))


def test_no_folder_holds_no_records(tmp_path: Path):
    assert read(tmp_path / "nothing") == ([], Counted())


def test_a_segment_being_written_is_read_only_if_asked_for(tmp_path: Path):
    segment = SegmentWriter(tmp_path, NOW)
    segment.append(line() + b'{"half a rec')
    assert read(tmp_path) == ([], Counted())
    assert read(tmp_path, include_open=True) == (
        ["ann"],
        Counted(records=1),
    )  # the half is not torn: wait for it
    segment.close()


def test_what_a_killed_process_left_is_read_and_its_torn_line_counted(tmp_path: Path):
    left_behind(tmp_path, line(visitor_id="a") + line(visitor_id="b") + line()[:-1])
    assert read(tmp_path) == (["a", "b"], Counted(records=2, torn=1))


def test_a_torn_line_is_never_glued_to_the_next_record(tmp_path: Path):
    # The same process id again, as in a container that was started again.
    left_behind(tmp_path, line(visitor_id="a")[:-10], f"{NOW}-{os.getpid()}-0.jsonl.part")
    write(tmp_path, line(visitor_id="b"))
    assert read(tmp_path) == (["b"], Counted(records=1, torn=1))


def test_lines_that_are_no_records_are_counted_and_the_others_read(tmp_path: Path):
    write(tmp_path, b"\0\0\n", b"\n", line(), b'{"kind": "guess"}\n', line(schema_version=7), line())
    assert read(tmp_path) == (["ann", "ann"], Counted(records=2, bad=3, later=1))


def test_a_segment_deleted_since_it_was_listed_is_passed_over(tmp_path: Path):
    write(tmp_path, line(visitor_id="a"), now_ms=1)
    gone = write(tmp_path, line(visitor_id="b"), now_ms=2)
    reading = segments.read(tmp_path, Counted())
    assert next(reading).visitor_id == "a"
    gone.unlink()
    assert list(reading) == []


def test_a_segment_completed_since_it_was_listed_is_read_under_its_new_name(tmp_path: Path):
    segment = SegmentWriter(tmp_path, NOW)
    segment.append(line())
    (listed,) = segments.found(tmp_path)
    segment.close()
    assert list(segments.lines(listed)) != []


def _write_and_wait(folder: Path, started: Any) -> None:
    segment = SegmentWriter(folder, NOW)
    segment.append(line())
    started.set()
    time.sleep(60)  # killed long before; the name `segment` keeps the file open until then


def test_a_segment_is_open_until_its_writer_dies_whatever_way(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=_write_and_wait, args=(tmp_path, started))
    process.start()
    assert started.wait(10)
    (segment,) = segments.found(tmp_path)
    assert segments.is_open(segment)
    process.kill()
    process.join()
    assert not segments.is_open(segment)
    assert read(tmp_path) == (["ann"], Counted(records=1))


def test_what_dead_processes_left_open_is_completed_once_and_what_is_being_written_is_not(tmp_path: Path):
    left_behind(tmp_path, line(visitor_id="dead"), name=f"{NOW}-1-0.jsonl.part")
    left_behind(tmp_path, line(visitor_id="just begun"), name=f"{NOW + 500}-2-0.jsonl.part")
    being_written = SegmentWriter(tmp_path, NOW - 500)
    being_written.append(line(visitor_id="alive"))
    (dead,) = segments.complete_dead(tmp_path, begun_before_ms=NOW + 500)
    assert (dead.pid, dead.start_ms) == (1, NOW)
    assert segments.complete_dead(tmp_path, begun_before_ms=NOW + 500) == []
    being_written.close()
    assert [segment.complete for segment in segments.found(tmp_path)] == [True, True, False]
    assert read(tmp_path)[0] == ["alive", "dead", "just begun"]


def _full(after: int) -> Callable[[int, bytes], int]:
    """An `os.write` of a disk that takes only a few more bytes."""
    room = [after]

    def write_some(file: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(room[0], len(content))
        room[0] -= taken
        return os.pwrite(file, content[:taken], 0)  # the file is opened to append: the offset is ignored

    return write_some


@pytest.mark.parametrize("part", [0.0, 0.4, 1.0, 1.5, 2.0, 2.99])
def test_a_disk_that_fills_up_leaves_whole_lines_only(
    part: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one = line()
    segment = SegmentWriter(tmp_path, NOW)
    with monkeypatch.context() as patched:
        patched.setattr(segments.os, "write", _full(after=int(part * len(one))))
        with pytest.raises(CutOffError, match="No space left") as raised:
            segment.append(one * 3)
    assert raised.value.whole == int(part)
    segment.close()
    assert b"".join(path.read_bytes() for path in tmp_path.iterdir()) == one * int(part)


def test_a_file_that_may_not_grow_leaves_whole_lines_only(tmp_path: Path):
    one = line()
    segment = SegmentWriter(tmp_path, NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (int(2.5 * len(one)), hard)
    )  # the kernel cuts a write short there
    try:
        with pytest.raises(CutOffError, match="File too large") as raised:
            segment.append(one * 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.whole == 2
    segment.close()
    assert read(tmp_path)[1] == Counted(records=2)


def test_a_segment_deleted_under_its_writer_is_noticed(tmp_path: Path):
    segment = SegmentWriter(tmp_path, NOW)
    segment.path.unlink()
    with pytest.raises(CutOffError, match="deleted while it was written") as raised:
        segment.append(line())
    assert raised.value.whole == 0
    segment.close()


def test_old_segments_are_deleted_and_younger_ones_kept(tmp_path: Path):
    write(tmp_path, line(), now_ms=NOW - 1)
    write(tmp_path, line(), now_ms=NOW)
    left_behind(tmp_path, line(), f"{NOW - 2}-1-0.jsonl.part")
    size = len(line())
    assert segments.delete_old(tmp_path, NOW, most_bytes=10**9) == Deleted(2, 2 * size)
    assert [segment.start_ms for segment in segments.found(tmp_path)] == [NOW]


def test_the_oldest_are_deleted_until_the_others_fit(tmp_path: Path):
    size = len(line())
    for begun in (1, 2, 3, 4):
        write(tmp_path, line(), now_ms=begun)
    assert segments.delete_old(tmp_path, 0, most_bytes=2 * size) == Deleted(2, 2 * size)
    assert [segment.start_ms for segment in segments.found(tmp_path)] == [3, 4]
    assert segments.delete_old(tmp_path, 0, most_bytes=2 * size) == Deleted(0, 0)


def test_what_is_being_written_counts_and_stays(tmp_path: Path):
    being_written = SegmentWriter(tmp_path, 1)
    being_written.append(line() * 2)
    write(tmp_path, line(), now_ms=2)
    write(tmp_path, line(), now_ms=3)
    size = len(line())
    assert segments.delete_old(tmp_path, 0, most_bytes=3 * size) == Deleted(1, size)
    assert [segment.start_ms for segment in segments.found(tmp_path)] == [1, 3]
    being_written.close()


def test_a_probe_leaves_nothing_and_tells_a_folder_that_cannot_be_written(tmp_path: Path):
    segments.probe(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        segments.probe(tmp_path / "file" / "segments")

import json
import multiprocessing
from pathlib import Path

import pytest

from marquee.serving.service import feedback
from marquee.serving.service.feedback import Recorder, RecordError

WRITERS, EACH = 4, 300


def _write_many(path: Path, writer: int) -> None:
    recorder = Recorder(path)
    for number in range(EACH):
        recorder.append({"writer": writer, "number": number, "text": "é\n" * (number % 50)})


def test_lines_of_several_processes_stay_whole_and_in_each_ones_order(tmp_path: Path):
    path = tmp_path / "not there yet" / "feedback.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    recorded = list(feedback.read(path))
    assert len(recorded) == WRITERS * EACH
    for writer in range(WRITERS):
        numbers = [event["number"] for event in recorded if event is not None and event["writer"] == writer]
        assert numbers == list(range(EACH))


def test_an_event_is_one_line_of_sorted_json_whatever_its_text(tmp_path: Path):
    Recorder(tmp_path / "feedback.jsonl").append({"b": "two\nlines", "a": 1})
    assert (tmp_path / "feedback.jsonl").read_bytes() == b'{"a": 1, "b": "two\\nlines"}\n'


def test_a_file_renamed_away_is_begun_anew(tmp_path: Path):
    path = tmp_path / "feedback.jsonl"
    recorder = Recorder(path)
    recorder.append({"number": 1})
    path.rename(tmp_path / "feedback.jsonl.1")
    recorder.append({"number": 2})
    assert json.loads(path.read_text()) == {"number": 2}


def test_a_line_cut_off_is_told_apart_and_the_others_are_read(tmp_path: Path):
    path = tmp_path / "feedback.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 3}\n')
    assert list(feedback.read(path)) == [{"a": 1}, None, {"a": 3}]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RecordError, match=r"folder could not be written: .*directory"):
        Recorder(tmp_path / "folder").append({"a": 1})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' /dev/full")
def test_a_full_disk_is_an_error_and_not_a_recorded_event():
    with pytest.raises(RecordError, match="No space left"):
        Recorder(Path("/dev/full")).append({"a": 1})

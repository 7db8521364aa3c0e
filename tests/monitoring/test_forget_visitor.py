"""One visitor goes; everything else stays, byte for byte."""

import fcntl
import logging
import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from marquee.events import records, segments
from marquee.events.segments import Counted, SegmentWriter
from monitoring import forget_visitor
from tests.events import examples


def write(folder: Path, name: str, *lines: bytes) -> Path:
    (folder / "segments").mkdir(parents=True, exist_ok=True)
    (folder / "segments" / name).write_bytes(b"".join(lines))
    return folder / "segments" / name


def answer(visitor_id: str | None) -> bytes:
    return records.to_line(examples.answer(visitor_id))


def feedback(visitor_id: str | None, answer_id: str | None = None) -> bytes:
    return records.to_line(examples.feedback(visitor_id, answer_id))


def forget(visitor_id: str, folder: Path) -> int:
    return forget_visitor.main([visitor_id, "--events", str(folder)])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_that_visitor_goes_and_all_other_lines_stay_byte_for_byte(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    # Spaces and the order of keys as no writer of ours would leave them: lines are kept, not rewritten.
    odd = b'{ "visitor_id" : "ben",  "schema_version": 1 }\n'
    others = [answer("ben"), odd, answer(None), answer("anna"), feedback("ben"), b"no record\n"]
    path = write(
        tmp_path, "1-1-0.jsonl", others[0], answer("ann"), *others[1:4], feedback("ann"), *others[4:]
    )
    untouched = write(tmp_path, "2-1-0.jsonl", answer("ben"), answer("ben"))
    inode = untouched.stat().st_ino
    assert forget("ann", tmp_path) == 0
    assert path.read_bytes() == b"".join(others)
    assert untouched.stat().st_ino == inode
    assert "2 records and 0 rows of tables went, from 1 files" in caplog.text


def test_a_second_run_changes_nothing(tmp_path: Path):
    write(tmp_path, "1-1-0.jsonl", answer("ben"), answer("ann"))
    assert forget("ann", tmp_path) == 0
    before, inode = content(tmp_path), (tmp_path / "segments" / "1-1-0.jsonl").stat().st_ino
    assert forget("ann", tmp_path) == 0
    assert content(tmp_path) == before
    assert (tmp_path / "segments" / "1-1-0.jsonl").stat().st_ino == inode


def test_feedback_about_a_visitors_answer_goes_though_it_does_not_say_whose_it_is(tmp_path: Path):
    made = examples.answer("ann")
    about_it, about_another = feedback(None, made["request_id"]), feedback(None, records.request_id())
    path = write(tmp_path, "1-1-0.jsonl", about_another, about_it)
    write(tmp_path, "2-1-0.jsonl", records.to_line(made))
    assert forget("ann", tmp_path) == 0
    assert path.read_bytes() == about_another


def test_a_segment_of_one_visitor_alone_goes_whole(tmp_path: Path):
    path = write(tmp_path, "1-1-0.jsonl", answer("ann"), answer("ann"))
    assert forget("ann", tmp_path) == 0
    assert not path.exists()


def test_what_a_killed_process_left_is_searched_too_and_its_torn_line(tmp_path: Path):
    ben = write(tmp_path, "1-1-0.jsonl.part", answer("ann"), answer("ben")[:-20])
    ann = write(tmp_path, "2-1-0.jsonl.part", answer("ben"), answer("ann")[:-20])
    before = ben.read_bytes()
    assert forget("ann", tmp_path) == 0
    assert ben.read_bytes() == before.splitlines(keepends=True)[1]
    assert ann.read_bytes().endswith(b"\n")
    assert [record.visitor_id for record in segments.read(tmp_path / "segments", Counted())] == ["ben"]


def test_an_id_with_signs_that_json_escapes_is_found(tmp_path: Path):
    visitor = 'an"n\\ é\n'
    path = write(tmp_path, "1-1-0.jsonl", answer(visitor), answer("ben"), answer(visitor)[:-5])
    assert forget(visitor, tmp_path) == 0
    assert path.read_bytes().count(b"\n") == 1


def test_a_record_of_a_later_schema_goes_too(tmp_path: Path):
    write(tmp_path, "1-1-0.jsonl", records.to_line(examples.answer("ann", schema_version=9, more=1)))
    assert forget("ann", tmp_path) == 0
    assert content(tmp_path) == {}


def test_records_in_a_segment_that_is_being_written_are_said_to_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    segment = SegmentWriter(tmp_path / "segments", 1)
    segment.append(answer("ann") + answer("ben"))
    assert forget("ben's brother", tmp_path) == 0
    assert forget("ann", tmp_path) == 1
    assert "1 records are in segments that are still being written" in caplog.text
    segment.append(answer("ben"))
    segment.close()
    assert forget("ann", tmp_path) == 0
    assert [record.visitor_id for record in segments.read(tmp_path / "segments", Counted())] == ["ben", "ben"]


def test_rows_of_tables_go_by_visitor_or_by_the_answers_they_belong_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "tables" / "day=2020-01-01"
    folder.mkdir(parents=True)
    answers = pd.DataFrame(
        {"request_id": ["r1", "r2", "r3"], "visitor_id": pd.Categorical(["ann", "ben", None]), "k": [1, 2, 3]}
    )
    results = pd.DataFrame({"request_id": ["r1", "r1", "r2"], "movie_id": [1, 2, 1]})
    clicks = pd.DataFrame({"answer_id": ["r1", None], "visitor_id": [None, "ben"]})
    movies = pd.DataFrame({"movie_id": [1, 2]})
    tables = {"answers": answers, "results": results, "clicks": clicks, "movies": movies}
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    untouched = (folder / "movies.parquet").read_bytes()
    schema = pyarrow.parquet.read_schema(folder / "answers.parquet")

    assert forget("ann", tmp_path) == 0
    assert pd.read_parquet(folder / "answers.parquet")["request_id"].tolist() == ["r2", "r3"]
    assert pyarrow.parquet.ParquetFile(folder / "answers.parquet").schema_arrow == schema
    assert pd.read_parquet(folder / "results.parquet")["request_id"].tolist() == ["r2"]
    assert pd.read_parquet(folder / "clicks.parquet")["visitor_id"].tolist() == ["ben"]
    assert (folder / "movies.parquet").read_bytes() == untouched
    assert "0 records and 4 rows of tables went, from 3 files" in caplog.text
    assert "dvc gc" in caplog.text

    before = content(tmp_path)
    assert forget("ann", tmp_path) == 0
    assert content(tmp_path) == before


def test_a_broken_table_is_named_and_nothing_is_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write(tmp_path, "1-1-0.jsonl", answer("ann"))
    (tmp_path / "answers.parquet").write_bytes(b"PAR")
    before = content(tmp_path)
    assert forget("ann", tmp_path) == 2
    assert "answers.parquet is no Parquet table" in caplog.text
    assert content(tmp_path) == before


@pytest.mark.parametrize("visitor_id", ["", "x" * 65])
def test_an_id_that_no_visitor_can_have_is_refused(
    visitor_id: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    write(tmp_path, "1-1-0.jsonl", answer(None), answer("ann"))
    before = content(tmp_path)
    assert forget(visitor_id, tmp_path) == 2
    assert f"the visitor's id must have 1 to 64 characters; received {visitor_id!r}" in caplog.text
    assert content(tmp_path) == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert forget("ann", tmp_path / "evnets") == 2
    assert "evnets is no folder" in caplog.text


def test_nothing_recorded_yet_is_no_error(tmp_path: Path):
    assert forget("ann", tmp_path) == 0


def test_two_at_once_would_undo_each_other_so_the_second_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert forget("ann", tmp_path) == 2
    assert "another visitor is being forgotten" in caplog.text
    os.close(handle)
    assert forget("ann", tmp_path) == 0


def test_a_visitor_must_be_named(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        forget_visitor.main([])
    assert ended.value.code == 2
    assert "visitor" in capsys.readouterr().err

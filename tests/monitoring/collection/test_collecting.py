"""Every record ends in the tables once, or in a count."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from marquee.events import records
from marquee.events.segments import SegmentWriter
from marquee.monitoring.collection import collecting, tables
from marquee.monitoring.collection.collecting import CollectError, Manifest
from monitoring import forget_visitor
from tests.events import examples

DAY = 86_400.0
FIRST = 1_500_000_000.0  # 2017-07-14, 02:40
BEFORE, FIRST_DAY, NEXT_DAY = "2017-07-13", "2017-07-14", "2017-07-15"


def write(folder: Path, name: str, *lines: bytes) -> None:
    (folder / "segments").mkdir(parents=True, exist_ok=True)
    (folder / "segments" / name).write_bytes(b"".join(lines))


def line(record: dict[str, Any]) -> bytes:
    return records.to_line(record)


def collect(folder: Path) -> Manifest:
    return collecting.collect(folder, folder / "segments", folder / "tables")[0]


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    kept = folder / "tables"
    return list(getattr(tables.read(kept, tables.days(kept)), table).to_pylist())


def test_an_answer_its_places_and_its_feedback_become_rows(tmp_path: Path):
    answer = examples.answer("ann", time=FIRST)
    write(
        tmp_path,
        "1-1-0.jsonl",
        line(answer),
        line(examples.feedback("ann", answer["request_id"], time=FIRST)),
    )
    assert collect(tmp_path).records == 2
    (row,) = rows(tmp_path, "answers")
    assert (row["visitor_id"], row["now"], row["total_ms"]) == ("ann", 1_600_000_000, 4.5)
    assert (row["history_movie_id"], row["history_rating"], row["history_timestamp"]) == ([1], [4.5], None)
    assert row["request"] == '{"k":2}'
    places = rows(tmp_path, "results")
    assert [place["place"] for place in places] == [1, 2]
    assert [place["propensity"] for place in places] == [0.75, 0.5]
    (about,) = rows(tmp_path, "feedback")
    assert (about["answer_id"], about["event"], about["place"]) == (answer["request_id"], "clicked", 1)


def test_a_second_run_reads_new_segments_alone_and_rewrites_their_day_alone(tmp_path: Path):
    write(tmp_path, "1-1-0.jsonl", line(examples.answer(time=FIRST)))
    collect(tmp_path)
    untouched = tmp_path / "tables" / FIRST_DAY / "answers.parquet"
    inode = untouched.stat().st_ino
    write(tmp_path, "2-1-0.jsonl", line(examples.answer(time=FIRST + DAY)))
    manifest, new = collecting.collect(tmp_path, tmp_path / "segments", tmp_path / "tables")
    assert (new, manifest.records, manifest.newest_day) == (1, 2, NEXT_DAY)
    assert untouched.stat().st_ino == inode
    assert tables.days(tmp_path / "tables") == [FIRST_DAY, NEXT_DAY]


def test_a_record_of_a_day_before_the_newest_known_is_kept_and_counted_as_late(tmp_path: Path):
    write(tmp_path, "1-1-0.jsonl", line(examples.answer(time=FIRST)), line(examples.answer(time=FIRST - DAY)))
    assert collect(tmp_path).late == 0  # in one run nothing is late
    write(tmp_path, "2-1-0.jsonl", line(examples.answer(time=FIRST - DAY)), line(examples.answer(time=FIRST)))
    assert collect(tmp_path).late == 1
    assert len(rows(tmp_path, "answers")) == 4


def test_what_comes_twice_is_there_once(tmp_path: Path):
    answer, feedback = line(examples.answer(time=FIRST)), line(examples.feedback(time=FIRST))
    write(tmp_path, "1-1-0.jsonl", answer, answer, feedback)
    write(tmp_path, "2-1-0.jsonl", answer)
    assert collect(tmp_path).duplicates == 2
    write(tmp_path, "3-1-0.jsonl", feedback)
    manifest = collect(tmp_path)
    assert (manifest.records, manifest.duplicates) == (2, 3)
    assert (len(rows(tmp_path, "answers")), len(rows(tmp_path, "results"))) == (1, 2)


def test_junk_is_counted_and_harms_nothing(tmp_path: Path):
    good = line(examples.answer(time=FIRST))
    odd_history = line(examples.answer(time=FIRST, request={"history": [{"movie": 1}], "now": 1}))
    far = line(examples.answer(time=1e15))  # no calendar has that year
    later = line(examples.answer(schema_version=9))
    write(tmp_path, "1-1-0.jsonl", good, b"no record\n", odd_history, far, later, good[:-20])
    manifest = collect(tmp_path)
    assert (manifest.records, manifest.bad, manifest.later, manifest.torn) == (1, 3, 1, 1)


def test_nothing_a_caller_added_to_a_request_gets_into_the_tables(tmp_path: Path):
    request = {"history": [], "k": 5, "now": 1, "email": "ann@example.org"}
    write(tmp_path, "1-1-0.jsonl", line(examples.answer(time=FIRST, request=request)))
    collect(tmp_path)
    assert rows(tmp_path, "answers")[0]["request"] == '{"k":5}'


def test_a_segment_that_is_being_written_waits_for_the_next_run(tmp_path: Path):
    writer = SegmentWriter(tmp_path / "segments", 1)
    writer.append(line(examples.answer(time=FIRST)))
    assert collect(tmp_path).records == 0
    writer.close()
    assert collect(tmp_path).records == 1
    assert collect(tmp_path).records == 1


def test_an_interrupted_run_is_made_good_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "1-1-0.jsonl", line(examples.answer(time=FIRST)), line(examples.feedback(time=FIRST)))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(collecting, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(tmp_path)
    collect(tmp_path)
    assert [len(rows(tmp_path, name)) for name in ("answers", "results", "feedback")] == [1, 2, 1]


def test_a_forgotten_visitor_does_not_come_back(tmp_path: Path):
    write(
        tmp_path,
        "1-1-0.jsonl",
        line(examples.answer("ann", time=FIRST)),
        line(examples.answer("ben", time=FIRST)),
    )
    collect(tmp_path)
    assert forget_visitor.main(["ann", "--events", str(tmp_path)]) == 0
    collect(tmp_path)
    assert [row["visitor_id"] for row in rows(tmp_path, "answers")] == ["ben"]
    assert len(rows(tmp_path, "results")) == 2
    assert pq.read_table(tmp_path / "tables" / FIRST_DAY / "answers.parquet").num_rows == 1


def test_a_manifest_of_another_shape_is_refused_and_says_what_to_do(tmp_path: Path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "manifest.json").write_text('{"records": 1}')
    with pytest.raises(CollectError, match="Restore it, or delete"):
        collect(tmp_path)

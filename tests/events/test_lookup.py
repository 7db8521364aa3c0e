import fcntl
from pathlib import Path

import pytest

from marquee.events import lookup, records
from marquee.events.lookup import NotRecordedError
from tests.events import examples


def write(folder: Path, name: str, *made: dict[str, object]) -> Path:
    (folder / name).write_bytes(b"".join(records.to_line(one) for one in made))
    return folder / name


def test_an_answer_is_found_by_its_id_among_feedback_that_names_it(tmp_path: Path):
    first, second = examples.answer("ann"), examples.answer("ben")
    about = examples.feedback(answer_id=first["request_id"])
    write(tmp_path, "1-1-0.jsonl", first, second)
    write(tmp_path, "2-1-0.jsonl", about)
    found = lookup.answer_of(tmp_path, first["request_id"])
    assert (found.request_id, found.visitor_id) == (first["request_id"], "ann")
    with pytest.raises(NotRecordedError, match="No answer in"):
        lookup.answer_of(tmp_path, about["request_id"])


def test_an_answer_to_a_visitor_who_is_called_by_the_id_is_not_taken_for_it(tmp_path: Path):
    asked = examples.answer("ann")
    write(tmp_path, "1-1-0.jsonl", asked)
    write(tmp_path, "2-1-0.jsonl", examples.answer(visitor_id=asked["request_id"]))
    assert lookup.answer_of(tmp_path, asked["request_id"]).visitor_id == "ann"


def test_an_answer_is_found_while_its_segment_is_being_written(tmp_path: Path):
    answer = examples.answer()
    path = write(tmp_path, "1-1-0.jsonl.part", answer)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lookup.answer_of(tmp_path, answer["request_id"]).request_id == answer["request_id"]
        assert len(lookup.last_answers(tmp_path, 5)) == 1


def test_a_torn_line_is_no_answer(tmp_path: Path):
    answer = examples.answer()
    (tmp_path / "1-1-0.jsonl").write_bytes(records.to_line(answer)[:-20])
    with pytest.raises(NotRecordedError):
        lookup.answer_of(tmp_path, answer["request_id"])


def test_the_last_answers_are_the_latest_of_all_segments_in_order_of_time(tmp_path: Path):
    made = [examples.answer() for _ in range(6)]
    write(tmp_path, "1-1-0.jsonl", made[0], made[3], made[5])
    write(tmp_path, "2-2-0.jsonl", made[1], examples.feedback(), made[2], made[4])
    latest = lookup.last_answers(tmp_path, 4)
    assert [answer.request_id for answer in latest] == [one["request_id"] for one in made[2:]]
    assert len(lookup.last_answers(tmp_path, 100)) == 6
    assert lookup.last_answers(tmp_path / "nowhere", 3) == []

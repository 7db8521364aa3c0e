"""What of the recorded feedback joins a source's ratings, and what is counted instead."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.sources import feedback, licences
from marquee.data.sources.files.rules import DataError
from marquee.data.sources.loading import Fetched
from marquee.data.tables import schema
from marquee.events.records import Answer, Feedback, request_id
from marquee.monitoring.collection import tables
from marquee.monitoring.collection.tables import Rows
from marquee.pipeline import paths
from marquee.pipeline.files import read_json

NOON = 1_700_000_000
ANSWER = "01a2114d-f1f3-739b-a06b-ef11fca9c811"
ALL_RULES = {
    "no_visitor": 0, "too_many_per_second": 0, "rating_out_of_range": 0, "not_half_stars": 0,
    "timestamp_in_milliseconds": 0, "timestamp_too_early": 0, "unknown_movie": 0, "rated_again": 0,
    "corrected": 0,
}  # fmt: skip


@pytest.fixture
def source() -> Fetched:
    """Users 5 and 7 rate movies 1 and 2 of three, and an oracle knows it."""
    rated = {
        "user_id": [5, 7],
        "movie_id": [1, 2],
        "half_stars": [8, 9],
        "timestamp": [NOON - 100, NOON + 50],
    }
    oracle = {name: [1, 1] for name in schema.ORACLE.names}
    return Fetched(
        pa.table(rated, schema=schema.INTERACTIONS),
        schema.table(
            {"movie_id": [1, 2, 3], "title": ["One", "Two", "Three"], "tmdb_id": [0, 0, 0]}, schema.MOVIES
        ),
        schema.METADATA.empty_table(),
        {"source": "own"},
        [licences.OWN],
        pa.table(oracle, schema=schema.ORACLE),
    )


def given(**changes: Any) -> dict[str, Any]:
    """Visitor `ann` rates movie 1 four stars at noon."""
    rated = {"movie_id": 1, "event": "rated", "rating": 4.0}
    return {"time": NOON + 0.25, "visitor_id": "ann", "answer_id": None} | rated | changes


def record(folder: Path, *events: Mapping[str, Any], answer_of: str | None = None) -> str:
    """Leave a day's tables as `collect_events` does."""
    rows = Rows()
    shared = {"schema_version": 1, "bundle": "a" * 64}
    for event in events:
        rows.add(
            Feedback.model_construct(kind="feedback", request_id=request_id(), place=None, **shared, **event)
        )
    if answer_of:
        rows.add(
            Answer(
                kind="recommend", request_id=ANSWER, time=float(NOON), arm="champion", visitor_id=answer_of,
                worker=1, request={"now": NOON, "history": []}, results=(), steps={}, **shared,
            )
        )  # fmt: skip
    tables.merge(folder / "tables" / "2023-11-14", rows)
    return str(folder)


def rows(fetched: Fetched) -> list[tuple[int, ...]]:
    return [tuple(row.values()) for row in fetched.interactions.to_pylist()]


def about(fetched: Fetched) -> dict[str, Any]:
    return dict(fetched.about["feedback"])


def test_none_changes_nothing(source: Fetched):
    assert feedback.join(source, "none") is source


def test_ratings_join_with_their_own_times_and_sorted_among_the_sources(source: Fetched, tmp_path: Path):
    folder = record(tmp_path, given(), given(movie_id=3, rating=0.5, time=NOON + 90.9))
    joined = feedback.join(source, folder)
    # The visitor is a new person, numbered after user 7; a time loses its fraction of a second.
    assert rows(joined) == [
        (5, 1, 8, NOON - 100),
        (8, 1, 8, NOON),
        (7, 2, 9, NOON + 50),
        (8, 3, 1, NOON + 90),
    ]
    assert about(joined) == {
        "folder": folder, "ratings": 2, "visitors": 1, "visitors_named_as_users": 0, "other_events": 0,
        "left_out": ALL_RULES,
    }  # fmt: skip
    assert joined.interactions.schema == schema.INTERACTIONS
    assert joined.licences == [licences.OWN, licences.FEEDBACK]
    assert len(joined.oracle) == 0


def test_clicks_are_counted_and_no_ratings(source: Fetched, tmp_path: Path):
    clicks = [given(event=event, rating=None) for event in ("clicked", "shown", "dismissed")]
    joined = feedback.join(source, record(tmp_path, given(), *clicks))
    assert (about(joined)["ratings"], about(joined)["other_events"]) == (1, 3)


def test_a_visitor_named_as_a_user_stays_another_person_and_is_counted(source: Fetched, tmp_path: Path):
    joined = feedback.join(source, record(tmp_path, given(visitor_id="5"), given(visitor_id="ann")))
    assert sorted(set(joined.interactions["user_id"].to_pylist())) == [5, 7, 8, 9]
    assert about(joined)["visitors_named_as_users"] == 1


def test_visitors_are_numbered_by_their_first_ratings_so_that_more_feedback_moves_nobody(
    source: Fetched, tmp_path: Path
):
    first = given(visitor_id="zoe"), given(visitor_id="bob", time=NOON + 10.0)
    record(tmp_path, *first)
    before = feedback.join(source, str(tmp_path))
    record(tmp_path, given(visitor_id="ann", time=NOON + 20.0))
    after = feedback.join(source, str(tmp_path))
    assert rows(before) == [row for row in rows(after) if row[0] != 10]


def test_of_a_movie_rated_twice_within_an_hour_the_latest_counts_at_its_own_time(
    source: Fetched, tmp_path: Path
):
    folder = record(tmp_path, given(rating=2.0, time=NOON + 3600.0), given(rating=5.0))
    joined = feedback.join(source, folder)
    assert (8, 1, 4, NOON + 3600) in rows(joined)
    assert about(joined)["left_out"] == ALL_RULES | {"corrected": 1}


def test_a_later_change_of_mind_does_not_rewrite_what_was_known_before(source: Fetched, tmp_path: Path):
    folder = record(tmp_path, given(rating=2.0, time=NOON + 3601.0), given(rating=5.0))
    joined = feedback.join(source, folder)
    assert (8, 1, 10, NOON) in rows(joined)
    assert about(joined)["left_out"] == ALL_RULES | {"rated_again": 1}


def test_a_rating_that_names_only_its_answer_is_its_visitors(source: Fetched, tmp_path: Path):
    folder = record(
        tmp_path,
        given(visitor_id=None, answer_id=ANSWER),
        given(visitor_id=None, movie_id=2),
        answer_of="ann",
    )
    joined = feedback.join(source, folder)
    assert (8, 1, 8, NOON) in rows(joined)
    assert about(joined)["left_out"] == ALL_RULES | {"no_visitor": 1}


def test_it_is_kept_which_ratings_an_answer_prompted(source: Fetched, tmp_path: Path):
    folder = record(tmp_path, given(answer_id=ANSWER), given(movie_id=2), answer_of="ann")
    kept = feedback.join(source, folder).feedback
    assert kept is not None
    assert kept.schema == schema.FEEDBACK
    assert kept.select(["user_id", "movie_id", "prompted"]).to_pylist() == [
        {"user_id": 8, "movie_id": 1, "prompted": True},
        {"user_id": 8, "movie_id": 2, "prompted": False},
    ]


@pytest.mark.parametrize(
    ("rule", "junk"),
    [
        ("rating_out_of_range", {"rating": 7.5}),
        ("rating_out_of_range", {"rating": None}),
        ("not_half_stars", {"rating": 3.7}),
        ("timestamp_in_milliseconds", {"time": NOON * 1000.0}),
        ("timestamp_too_early", {"time": 1.0}),
        ("unknown_movie", {"movie_id": 99}),
    ],
)
def test_junk_is_counted_under_its_rule_and_ends_nothing(
    source: Fetched, tmp_path: Path, rule: str, junk: dict[str, Any]
):
    joined = feedback.join(source, record(tmp_path, given(movie_id=2), given(**junk)))
    assert about(joined)["left_out"] == ALL_RULES | {rule: 1}
    assert about(joined)["ratings"] == 1


@pytest.mark.parametrize(("a_second", "kept"), [(10, 12), (11, 1)])
def test_of_a_visitor_who_rates_faster_than_people_do_nothing_is_taken(
    source: Fetched, tmp_path: Path, a_second: int, kept: int
):
    columns = {"movie_id": list(range(20)), "title": [""] * 20, "tmdb_id": [0] * 20}
    many = replace(source, movies=schema.table(columns, schema.MOVIES))
    quick = [given(visitor_id="bot", movie_id=movie, time=NOON + 0.01 * movie) for movie in range(a_second)]
    slow = given(visitor_id="bot", movie_id=19, time=NOON + 500.0)
    joined = feedback.join(many, record(tmp_path, given(), *quick, slow))
    assert about(joined)["ratings"] == kept
    assert about(joined)["left_out"]["too_many_per_second"] == (12 if kept == 1 else 0)


def test_a_folder_without_feedback_is_an_error_that_says_what_to_do(source: Fetched, tmp_path: Path):
    with pytest.raises(DataError, match=r"holds no feedback\.parquet.*collect_events"):
        feedback.join(source, str(tmp_path))


def test_another_table_is_an_error_that_names_it(source: Fetched, tmp_path: Path):
    pq.write_table(pa.table({"stars": [1]}), tmp_path / "feedback.parquet")
    with pytest.raises(DataError, match=r"feedback\.parquet is no table of recorded events"):
        feedback.join(source, str(tmp_path))


def test_more_visitors_than_ids_are_an_error(source: Fetched, tmp_path: Path):
    last = source.interactions.set_column(0, "user_id", pa.array([5, 2**31 - 1], pa.int32()))
    with pytest.raises(DataError, match="beyond the largest id"):
        feedback.join(replace(source, interactions=last), record(tmp_path, given()))


def test_without_any_rating_the_source_stays_as_it_is(source: Fetched, tmp_path: Path):
    joined = feedback.join(source, record(tmp_path, given(event="clicked", rating=None)))
    assert joined.interactions == source.interactions
    assert about(joined)["ratings"] == 0


def test_the_raw_folder_says_of_feedback_only_where_it_was_asked_for(source: Fetched, tmp_path: Path):
    raw = paths.Raw(tmp_path / "raw")
    feedback.join(source, record(tmp_path / "events", given())).write(raw)
    assert pq.read_table(raw.feedback)["user_id"].to_pylist() == [8]
    assert read_json(raw.manifest)["feedback"]["ratings"] == 1
    source.write(raw)
    assert not raw.feedback.exists()
    assert "feedback" not in read_json(raw.manifest)

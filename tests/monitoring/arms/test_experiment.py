"""Records in, visitors out."""

from pathlib import Path
from typing import Any

import pytest

from marquee.events import records
from marquee.monitoring.arms import experiment
from marquee.monitoring.arms.experiment import NoExperimentError, Visitors
from tests.events import examples

BUNDLES = {"champion": "aa" * 32, "challenger": "bb" * 32}
HOUR = 3600.0


class Log:
    """Records of an event log, `at` hours after it began."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def shown(self, visitor_id: str | None, arm: str, at: float, **changed: Any) -> str:
        """A list of two movies: 10, predicted 4.5, and 20, predicted 3.25."""
        made = examples.answer(visitor_id, arm=arm, bundle=BUNDLES.get(arm, "cc" * 32), time=at * HOUR)
        self.made.append(made | changed)
        return str(made["request_id"])

    def did(
        self, about: str | None, event: str, movie_id: int, at: float, rating: float | None = None
    ) -> None:
        self.made.append(
            examples.feedback(
                answer_id=about, event=event, movie_id=movie_id, time=at * HOUR, rating=rating, place=None
            )
        )

    def write(self, folder: Path) -> Path:
        lines = [records.to_line(one) for one in self.made]
        # Feedback may be in a segment that is read before the answer's.
        (folder / "1-1-0.jsonl").write_bytes(b"".join(lines[1::2]))
        (folder / "2-2-0.jsonl").write_bytes(b"".join(lines[::2]))
        return folder

    def visitors(self, folder: Path, hours: float = 24, now: float = 1_000, since: float = 0) -> Visitors:
        return experiment.select(experiment.read(self.write(folder)), hours, now * HOUR, since * HOUR)


def sums(visitors: Visitors) -> list[dict[str, float]]:
    """What each visitor did, zeros left out."""
    return [
        {name: value for name, value in zip(experiment.COLUMNS, row, strict=True) if value}
        for row in visitors.sums.tolist()
    ]


def both(log: Log) -> None:
    """Both arms answer from the beginning."""
    log.shown("first", "champion", at=0)
    log.shown("second", "challenger", at=0)


def test_clicks_and_ratings_are_summed_by_visitor_in_the_order_they_came(tmp_path: Path):
    log = Log()
    both(log)
    ann = log.shown("ann", "challenger", at=1)
    ben = log.shown("ben", "champion", at=2)
    log.shown("ann", "challenger", at=3)
    log.did(ben, "clicked", 20, at=2.5)
    log.did(ben, "clicked", 10, at=2.6)
    log.did(ann, "rated", 20, at=2, rating=4.0)
    log.did(ann, "shown", 10, at=2)
    visitors = log.visitors(tmp_path)
    assert visitors.challenger.tolist() == [False, True, True, False]
    # Movie 20 stood on place 2 with 3.25 stars predicted: 1/2, and (4 - 3.25) squared.
    assert sums(visitors) == [
        {"answers": 1},
        {"answers": 1},
        {"answers": 2, "ratings": 1, "stars": 4.0, "squared_error": 0.5625},
        {"answers": 1, "clicked_answers": 1, "clicks": 2, "reciprocal_rank": 1.5},
    ]
    assert visitors.bundles == (BUNDLES["champion"], BUNDLES["challenger"])
    assert (visitors.waiting, visitors.in_both, visitors.unnamed) == (0, 0, 0)


def test_a_second_click_is_no_news_and_a_second_rating_takes_the_place_of_the_first(tmp_path: Path):
    log = Log()
    both(log)
    ann = log.shown("ann", "champion", at=1)
    for at in (1.1, 1.2):
        log.did(ann, "clicked", 10, at=at)
    log.did(ann, "rated", 10, at=1.4, rating=3.5)
    log.did(ann, "rated", 10, at=1.3, rating=1.0)
    assert sums(log.visitors(tmp_path))[2] == {
        "answers": 1,
        "clicked_answers": 1,
        "clicks": 1,
        "reciprocal_rank": 1.0,
        "ratings": 1,
        "stars": 3.5,
        "squared_error": 1.0,
    }


def test_only_a_visitors_first_hours_count_and_they_count_when_these_are_over(tmp_path: Path):
    log = Log()
    both(log)
    ann = log.shown("ann", "champion", at=1)
    log.did(ann, "clicked", 10, at=2.9)
    log.did(ann, "clicked", 20, at=3.1)
    late = log.shown("ann", "champion", at=3.2)
    log.did(late, "clicked", 10, at=3.3)
    early = log.visitors(tmp_path, hours=2, now=2.5)
    assert (len(early.challenger), early.waiting) == (2, 1)
    visitors = log.visitors(tmp_path, hours=2, now=3.0)
    assert visitors.waiting == 0
    assert sums(visitors)[2] == {"answers": 1, "clicked_answers": 1, "clicks": 1, "reciprocal_rank": 1.0}
    # What counted once never changes, whatever comes.
    assert log.visitors(tmp_path, hours=2, now=99).sums.tolist() == visitors.sums.tolist()


def test_who_was_answered_by_both_arms_or_gave_no_id_is_left_out_and_counted(tmp_path: Path):
    log = Log()
    both(log)
    log.shown("ann", "champion", at=1)
    log.shown("ann", "challenger", at=2)
    log.shown(None, "champion", at=1)
    visitors = log.visitors(tmp_path)
    assert visitors.challenger.tolist() == [False, True]
    assert (visitors.in_both, visitors.unnamed) == (1, 1)


def test_lists_of_other_endpoints_and_the_shadow_are_no_part_of_it(tmp_path: Path):
    log = Log()
    both(log)
    log.shown("ann", "shadow", at=1)
    log.shown("ben", "champion", at=1, kind="similar")
    assert len(log.visitors(tmp_path).challenger) == 2


def test_it_begins_when_both_answer_and_anew_when_a_bundle_changes(tmp_path: Path):
    log = Log()
    log.shown("ann", "champion", at=0)
    log.shown("ben", "challenger", at=5)
    log.shown("cat", "champion", at=6)
    assert log.visitors(tmp_path).since == 5 * HOUR
    assert log.visitors(tmp_path).challenger.tolist() == [True, False]
    log.shown("dan", "champion", at=7, bundle="dd" * 32)
    changed = log.visitors(tmp_path)
    assert changed.since == 7 * HOUR
    assert changed.bundles == ("dd" * 32, BUNDLES["challenger"])
    assert changed.challenger.tolist() == [False]
    log.shown("eve", "champion", at=8)
    back = log.visitors(tmp_path)
    assert (back.since, back.bundles[0], back.challenger.tolist()) == (7 * HOUR, BUNDLES["champion"], [False])


def test_what_was_before_a_given_moment_is_left_out(tmp_path: Path):
    log = Log()
    both(log)
    log.shown("ann", "champion", at=3)
    log.shown("ben", "challenger", at=4)
    assert log.visitors(tmp_path, since=2).challenger.tolist() == [True]


def test_feedback_about_no_list_or_no_movie_of_it_is_counted(tmp_path: Path):
    log = Log()
    ann = log.shown("ann", "champion", at=1)
    log.did(None, "clicked", 10, at=2)
    log.did(records.request_id(), "rated", 10, at=2, rating=3.0)
    log.did(ann, "clicked", 99, at=2)
    log.did(ann, "clicked", 10, at=2)
    recorded = experiment.read(log.write(tmp_path))
    assert (len(recorded.reactions), recorded.unattributed) == (1, 3)


@pytest.mark.parametrize("arms", [(), ("champion",), ("champion", "shadow")])
def test_without_two_arms_there_is_nothing_to_compare(tmp_path: Path, arms: tuple[str, ...]):
    log = Log()
    for arm in arms:
        log.shown("ann", arm, at=1)
    with pytest.raises(NoExperimentError, match=r"(?s)none by the .*challenger.*serving\.challenger\.mode"):
        log.visitors(tmp_path)

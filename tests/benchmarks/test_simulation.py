"""The pieces of `make worlds`: who lives, what they choose, what is recorded, and what is said of it."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.simulation import crowd, judging, junk, living, off_policy, table, worlds
from benchmarks.simulation.crowd import Crowd, Nature
from benchmarks.simulation.living import Life
from benchmarks.simulation.off_policy import Contexts, Policy
from benchmarks.simulation.worlds import BROKEN, STATIONARY, WORLDS, World
from marquee.data.sample.people import clusters_of, make_others, make_people
from marquee.data.sample.taste import new_year
from marquee.events import records
from marquee.events.records import LaterVersionError, RecordError
from marquee.models.features.person import History
from marquee.monitoring.statistics import off_policy as library
from marquee.pipeline import paths
from marquee.pipeline.params import Sample
from marquee.serving.recommender import order
from marquee.serving.recommender.recommender import Recommendation
from tests.places import ROOT

SAMPLE = Sample(num_users=200, num_interactions=6000, first_year=2010, last_year=2012)
FIRST = 10
NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


class FirstUnseen:
    """Recommends the first movies that the history does not hold."""

    def recommend(self, history: History, now: int, k: int, seed: int | None) -> list[Recommendation]:
        unseen = np.setdiff1d(np.arange(200), history.movie_index)[:k]
        return [Recommendation(int(movie), 0.0, 0.0, 3.0, "popular", -1, 1.0) for movie in unseen]

    def predict_ratings(self, history: History, movies: np.ndarray, now: int) -> np.ndarray:
        return np.full(len(movies), 3.0, dtype=np.float32)


@pytest.fixture(scope="module")
def nature() -> Nature:
    return crowd.nature_of(ROOT / paths.SAMPLE_FILMS, SAMPLE, new_year(2012), seed=7)


@pytest.fixture(scope="module")
def gathered(nature: Nature) -> Crowd:
    return crowd.gather(nature, 0.3, seed=1)


def life(nature: Nature, gathered: Crowd, world: World) -> Life:
    return Life(nature, gathered, world, 10, np.ones(len(nature.films.fame), np.float32), seed=1)


def lived(nature: Nature, gathered: Crowd, world: World, until: int = 10) -> list[living.Lived]:
    on = crowd.world_days(gathered, nature, 10, seed=1)
    return list(life(nature, gathered, world).until(until, FirstUnseen(), on, explore=False))


def test_other_people_come_from_the_same_clusters_but_are_others(nature: Nature):
    years = nature.years
    people = make_people(nature.films, 200, years, 7)
    clusters = clusters_of(200, years, 7)
    others = make_others(nature.films, 200, years, clusters, 1)
    again = make_others(nature.films, 200, years, clusters, 1)
    assert np.array_equal(others.taste, again.taste)
    assert not np.array_equal(others.taste, people.taste)
    # A taste is mostly a mixture of eight centres: others lie in the span of the same eight.
    _, directions = np.linalg.eigh(people.taste.T @ people.taste)
    weak = directions[:, :4]
    assert np.square(others.taste @ weak).sum() < 0.2 * np.square(others.taste).sum()


def test_histories_end_before_the_period_and_visits_lie_in_it(nature: Nature, gathered: Crowd):
    assert gathered.visitors
    for visitor in gathered.visitors:
        assert (visitor.history.timestamp < nature.since).all()
        for rows in visitor.visits:
            assert (gathered.plan.timestamp[rows] >= nature.since).all()
            assert set(gathered.plan.user[rows].tolist()) == {visitor.row}


def test_every_day_of_the_world_is_lived(nature: Nature, gathered: Crowd):
    days = np.concatenate(crowd.world_days(gathered, nature, 10, seed=1))
    assert set(days.tolist()) == set(range(10))


def test_whoever_asks_has_rated_strictly_before_and_never_watches_twice(nature: Nature, gathered: Crowd):
    for one in lived(nature, gathered, STATIONARY):
        assert (one.history.timestamp < one.moment.now).all()
        movies = np.concatenate([one.history.movie_index, one.chosen])
        assert len(np.unique(movies)) == len(movies)
        assert ((one.stars >= 0.5) & (one.stars <= 5)).all()


def test_only_the_days_asked_for_are_asked(nature: Nature, gathered: Crowd):
    part = lived(nature, gathered, STATIONARY, until=3)
    assert {one.day for one in part} == {0, 1, 2}
    assert len(part) < gathered.requests / 2


def test_who_relies_on_the_list_chooses_from_it(nature: Nature, gathered: Crowd):
    relying = lived(nature, gathered, World("all", "all", relies=(1.0, 1.0)))
    assert all(np.isin(one.chosen[:FIRST], one.shown).all() for one in relying if len(one.chosen) <= FIRST)
    alone = lived(nature, gathered, STATIONARY)
    assert np.mean([np.isin(one.chosen, one.shown).mean() for one in alone]) < 0.5


def test_a_shifted_scale_shifts_the_stars_and_nothing_else(nature: Nature, gathered: Crowd):
    before = lived(nature, gathered, STATIONARY)
    after = lived(nature, gathered, World("scale", "scale", stars=-1.0))
    stars = [np.concatenate([one.stars for one in lives]) for lives in (before, after)]
    assert -1.1 < (stars[1] - stars[0]).mean() < -0.8
    assert all(np.array_equal(one.chosen, other.chosen) for one, other in zip(before, after, strict=True))


def test_new_taste_is_new_to_the_share_asked_for(nature: Nature, gathered: Crowd):
    changed = worlds.people_of(World("new", "new", new_taste=0.8), gathered, nature, seed=1)
    old, new = gathered.people.taste, changed.taste
    cosine = (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
    assert np.mean(cosine) < 0.75
    assert worlds.people_of(STATIONARY, gathered, nature, seed=1) is gathered.people


def test_a_flood_lifts_what_training_never_saw():
    assert worlds.new_movies(np.array([0.0, 5.0], np.float32)).tolist() == [worlds.FLOOD, 0.0]
    lifted = worlds.a_few(np.arange(400, dtype=np.float32))
    assert np.count_nonzero(lifted) == worlds.SHOCKED
    assert lifted[:90].max() == lifted[-90:].max() == 0.0


def test_reliance_grows_from_the_first_day_to_the_last():
    loop = next(world for world in WORLDS if world.name == "feedback_loop")
    assert worlds.reliance(loop, np.array([0, 5, 10]), 11).tolist() == [0.0, 0.5, 1.0]


def test_many_lists_are_drawn_with_the_propensities_of_the_service():
    scores = np.sort(np.random.default_rng(0).normal(size=(1, 8)))[:, ::-1]
    policy = Policy(0.3, 0.7)
    placed, propensity = off_policy.shown(scores, policy, np.random.default_rng(1))
    for seed in range(3000):  # the service draws the same list sooner or later, and says the same of it
        explored = order.explore(scores[0], off_policy.PLACES, policy.share, policy.temperature, seed)
        if np.array_equal(explored.order[: off_policy.PLACES], placed[0]):
            assert explored.propensity[: off_policy.PLACES] == pytest.approx(propensity[0])
            break
    else:
        pytest.fail("never drawn by the service")
    by_chance = library.place_probabilities(scores[0], placed[0], 0.7)
    greedy = library.place_probabilities(scores[0], placed[0], 0.0)
    assert propensity[0] == pytest.approx(0.3 * by_chance + 0.7 * greedy)


def test_a_challenger_like_the_champion_gets_what_the_champion_gets():
    rng = np.random.default_rng(0)
    scores, wanted = rng.normal(size=(60, 12)), rng.dirichlet(np.ones(12), 60)
    asked = Contexts(np.repeat(np.arange(20), 3), scores, scores, wanted)
    made = off_policy.cover(asked, Policy(1.0, 1.0), runs=20, visitors=60, samples=100, seed=1)
    assert made.truth == pytest.approx(made.champion, abs=0.01)
    assert made.effective_lists == pytest.approx(180)
    assert made.refused == 0
    assert made.covered("snips") > 0.7


def test_logs_that_are_worth_too_little_give_no_estimate_and_are_counted():
    rng = np.random.default_rng(0)
    champion, challenger = rng.normal(size=(2, 60, 12))
    asked = Contexts(
        np.repeat(np.arange(20), 3), 9 * champion, 9 * challenger, rng.dirichlet(np.ones(12), 60)
    )
    made = off_policy.cover(asked, Policy(1.0, 1.0), runs=3, visitors=20, samples=100, seed=1)
    assert made.refused == 3
    assert np.isnan(made.covered("snips"))


def test_a_broken_client_sends_some_of_each_kind():
    answer = records.answer(
        "recommend", request_id=records.request_id(), time=1e9, bundle="a" * 64, arm="champion",
        visitor_id="v", request={"history": [], "now": 10**9},
        results=records.results(range(1, 41)), steps={"total": 1.0},
    )  # fmt: skip
    told = records.feedback(
        request_id=records.request_id(), time=1e9, bundle="a" * 64, visitor_id="v",
        answer_id=answer["request_id"], movie_id=1, event="clicked", rating=None, place=1,
    )  # fmt: skip
    said: Counter[str] = Counter()
    for line in junk.lines([answer, told], seed=1):
        try:
            said["own" if records.parse(line).visitor_id == BROKEN else "twice"] += 1
        except LaterVersionError:
            said["later"] += 1
        except RecordError:
            said["bad"] += 1
    assert said == {
        "bad": 2 * junk.EACH,
        "later": junk.EACH,
        "twice": junk.EACH,
        "own": junk.EACH + junk.ASKED * 41,
    }


def test_the_first_alarm_is_the_first_window_above_its_threshold():
    assert judging.Judged(np.array([0.5, 1.2, 3.0]), ("a", "b", "c")).first == 1
    assert judging.Judged(np.array([0.5, 1.0]), ("a", "b")).first is None


def test_the_table_tells_every_figure_beside_its_target():
    numbers = {
        "run_length": {
            "windows of 1000": {"asked": 50_000, "run_length": 48_000, "windows": 440, "alarms": 9}
        },
        "found": {"new_tastes": {"runs": 10.0, "found": 0.0}},
        "estimates": {
            "stationary": {
                "rmse_off_mean": 0.001, "hit_rate_off_mean": -0.002,
                "rmse_off_most": 0.004, "hit_rate_off_most": 0.007,
            }
        },
        "off_policy": {
            "half": {
                "covered_snips": 0.95, "covered_doubly_robust": 0.9,
                "effective_lists": 130.0, "refused": 2.0, "runs": 20.0,
            },
            "none": {"effective_lists": 15.0, "refused": 20.0, "runs": 20.0},
        },
    }  # fmt: skip
    lines = table.table(numbers, volume=2000).splitlines()
    assert lines[2:] == [
        "| requests until a false alarm, windows of 1000 | 50,000, within 30 % "
        "| 48,000 (9 alarms in 440 windows) |",
        "| new_tastes: alarmed within 2,000 requests | 9 of 10 | 0 of 10 |",
        "| stationary: RMSE and hit rate estimated without labels, off by | 0.02 "
        "| +0.001, -0.002; at most 0.004, 0.007 |",
        "| off-policy intervals that cover the truth, half | 93 to 97 % "
        "| SNIPS 95.0%, doubly robust 90.0%; refused in 2 of 20 runs (lists worth 130) |",
        "| off-policy intervals that cover the truth, none | 93 to 97 % "
        "| refused in 20 of 20 runs (lists worth 15) |",
    ]

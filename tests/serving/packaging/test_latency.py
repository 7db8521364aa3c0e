from marquee.serving.packaging import latency
from marquee.serving.recommender.bundle import Packaged
from tests.fixtures.tiny_pipeline import VALUES, Tiny


def test_as_many_answers_are_timed_as_are_asked_for_and_each_takes_time(tiny: Tiny):
    taken = latency.time_answers(Packaged(tiny.bundle, VALUES, ""), tiny.interactions, seed=1)
    assert 0 < len(taken) <= latency.TIMED
    assert min(taken) > 0

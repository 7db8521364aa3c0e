from itertools import count

import numpy as np

from benchmarks import variant_speed
from marquee.serving.recommender.bundle import Settings


def test_variants_take_turns_after_a_round_that_does_not_count():
    calls: list[str] = []
    seconds = count()  # every reading of the clock is a second later than the last
    timed = variant_speed.in_turns(
        {"one": lambda: calls.append("one"), "other": lambda: calls.append("other")},
        clock=lambda: float(next(seconds)),
    )
    assert {name: set(taken) for name, taken in timed.items()} == {"one": {1000.0}, "other": {1000.0}}
    assert [len(taken) for taken in timed.values()] == [1000, 1000]
    assert calls[:40] == ["one"] * 20 + ["other"] * 20
    assert calls[40:240] == ["one"] * 100 + ["other"] * 100
    assert len(calls) == 2 * (20 + 1000)


def test_both_models_are_added_call_by_call():
    numbers = variant_speed.summed([1.0, 2.0, 3.0], [10.0, 10.0, 40.0])
    assert numbers["query_tower"] == {"p50_ms": 2.0, "p99_ms": 3.0}
    assert numbers["dcn_300_movies"] == {"p50_ms": 10.0, "p99_ms": 40.0}
    assert numbers["both"] == {"p50_ms": 12.0, "p99_ms": 43.0}


def test_inputs_have_the_shapes_the_models_were_exported_with():
    settings = Settings(history_length=50, embedding_dim=64, positive_rating=4.0, other_weight=0.5)
    rng = np.random.default_rng(0)
    history = variant_speed.of_query_tower(settings, rng)
    assert history["vectors"].shape == (1, 50, 64)
    assert history["read_at"].tolist() == [50]
    movies = variant_speed.of_dcn(settings, content_columns=34, rng=rng)
    assert {name: values.shape[0] for name, values in movies.items()} == dict.fromkeys(movies, 300)
    assert movies["content"].shape == (300, 34)
    assert {values.dtype for values in movies.values()} == {np.dtype("float32"), np.dtype("int32")}

"""What is expected of requests follows their kind."""

import numpy as np
import pytest

from marquee.monitoring.statistics import without_labels
from tests.monitoring import people


def test_it_finds_the_error_of_another_mix_of_requests_without_seeing_it():
    estimator = without_labels.fit(people.reference(visitors=1500, seed=1), seed=1)
    other = people.reference(visitors=1500, seed=9)
    uneven = other.requests.rating_spread > 0.9  # visitors who are hard to predict came alone
    truth = float(np.sqrt(other.squared_error[uneven].mean()))
    everyone = float(np.sqrt(other.squared_error.mean()))
    made = estimator.rmse(other.requests.at(uneven), 200, 1)
    assert abs(truth - everyone) > 0.2
    assert made.value == pytest.approx(truth, abs=0.03)
    assert made.low < made.value < made.high


def test_hit_rate_too():
    estimator = without_labels.fit(people.reference(visitors=1500, seed=1), seed=1)
    other = people.reference(visitors=1500, seed=9)
    sure = other.requests.log_mass > -1.4
    made = estimator.hit_rate(other.requests.at(sure), 200, 1)
    assert made.value == pytest.approx(other.hit[sure].mean(), abs=0.03)


def test_no_request_gives_no_estimate():
    estimator = without_labels.fit(people.reference(visitors=200, seed=1), seed=1)
    none = people.requests(visitors=1, seed=1).at(slice(0, 0))
    assert np.isnan(estimator.rmse(none, 100, 1).value)

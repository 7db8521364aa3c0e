import pytest
from pydantic import ValidationError

from marquee.serving.service import model_card
from tests.serving import small


def test_the_card_says_which_data_how_split_how_good_and_what_was_required():
    card = small.card()
    assert card.data.licences[0].licence == "MIT"
    assert card.data.simulated
    assert (card.data.users, card.data.movies, card.data.ratings) == (9, small.MOVIES, 99)
    assert (card.data.source, card.data.metadata, card.split.kind) == ("sample", "included", "temporal")
    counted = {name: period.ratings for name, period in card.split.periods.items()}
    assert counted == {"train": 80, "validation": 10, "test": 9, "context": 0}
    assert card.split.periods["train"].first_day == "1970-01-01"
    assert card.split.periods["validation"].first_day == "1970-01-02"
    assert card.split.periods["test"].first_day == "2017-10-09"
    assert card.split.periods["context"].first_day is None
    assert set(card.metrics) == {"evaluate_retrieval", "evaluate_ranking", "evaluate_recommender"}
    assert card.requirements["rmse_at_most"].model_dump() == {"required": 1.2, "passed": True}
    assert card.libraries == ["numpy==2.4.6", "pydantic==2.14.3"]


def test_a_card_is_read_as_it_was_written(tmp_path):
    (tmp_path / model_card.FILE).write_text(small.card().model_dump_json())
    assert model_card.read(tmp_path) == small.card()


def test_a_card_with_something_unknown_is_refused(tmp_path):
    (tmp_path / model_card.FILE).write_text('{"commit": "abc"}')
    with pytest.raises(ValidationError, match="commit"):
        model_card.read(tmp_path)

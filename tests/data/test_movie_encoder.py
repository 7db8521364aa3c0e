import numpy as np
import pandas as pd

from stages.data import movie_encoder


def movies(**columns) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    empty = {name: [[] for _ in range(size)] for name in ("genres", "keywords", "cast", "directors")}
    empty |= {name: [""] * size for name in ("language", "overview", "release_date")}
    return pd.DataFrame(empty | {"year": [0] * size} | columns)


def all_of(frame: pd.DataFrame) -> np.ndarray:
    return np.ones(len(frame), dtype=bool)


def encode(frame: pd.DataFrame, fitted_on=None, text_dim=0, min_word_count=1):
    fitted = all_of(frame) if fitted_on is None else np.array(fitted_on)
    return movie_encoder.encode(frame, fitted, text_dim, min_word_count, seed=1)


def test_genres_share_a_weight_of_one():
    found = encode(movies(genres=[["Drama", "War"], ["Drama"], []]))
    assert found.genres.tolist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]


def test_a_genre_of_later_movies_only_is_not_in_the_vocabulary():
    found = encode(movies(genres=[["Drama"], ["Western", "Drama"]]), fitted_on=[True, False])
    assert found.genres.tolist() == [[1.0], [1.0]]


def test_rare_languages_are_left_out():
    found = encode(movies(language=["en", "en", "fr", ""]), min_word_count=2)
    assert found.language.tolist() == [[1.0], [1.0], [0.0], [0.0]]


def test_release_takes_the_date_then_the_middle_of_the_year_then_the_median():
    found = encode(movies(release_date=["2004-01-01", "", ""], year=[1990, 1994, 0]))
    np.testing.assert_allclose(found.release, [2004.0, 1994.5, (2004.0 + 1994.5) / 2])


def test_movies_with_the_same_words_point_the_same_way():
    keywords = [["space", "alien"], ["space", "alien"], ["wedding", "paris"], ["wedding", "rain"]]
    text = encode(movies(keywords=keywords), text_dim=2).text
    np.testing.assert_allclose(text[0] @ text[1], 1.0, rtol=1e-5)
    assert abs(float(text[0] @ text[2])) < 0.1


def test_words_of_later_movies_do_not_shape_the_text():
    train = [["space", "alien"], ["space", "robot"], ["alien", "robot"]]
    fitted = [True] * 3 + [False]
    first = encode(movies(keywords=[*train, ["paris", "space"]]), fitted, text_dim=2).text
    second = encode(movies(keywords=[*train, ["rain", "space"]]), fitted, text_dim=2).text
    np.testing.assert_array_equal(first, second)


def test_without_text_there_are_no_text_columns():
    assert encode(movies(year=[1990, 1991]), text_dim=8).text.shape == (2, 0)


def test_the_same_name_as_cast_and_director_are_two_words():
    frame = movies(cast=[["Orson Welles"], []], directors=[[], ["Orson Welles"]])
    text = encode(frame, text_dim=2).text
    assert text.shape == (2, 1)  # two words, two movies, one direction fewer
    assert abs(float(text[0] @ text[1])) < 1.01

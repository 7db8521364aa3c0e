"""The encoder of movies: what it learns, and that every movie is encoded alike."""

import dataclasses
import math

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from threadpoolctl import threadpool_limits

from marquee.data.preparation import movie_encoder
from marquee.data.preparation.movie_encoder import FittedEncoder
from marquee.data.tables import facts
from marquee.data.tables.catalogue import Catalogue

WORDS = ["space", "alien", "robot", "wedding", "rain", "paris", "heist", "gold", "train", "war"]


def movies(**columns) -> pd.DataFrame:
    """Movies of which these facts are known, and nothing else."""
    size = len(next(iter(columns.values())))
    unknown = {fact.name: [fact.empty for _ in range(size)] for fact in facts.FACTS}
    return pd.DataFrame(unknown | columns)


def described(count: int, vocabulary: int) -> pd.DataFrame:
    """Movies with an overview, keywords, people and dates drawn at random, commoner words more often."""
    rng = np.random.default_rng(3)
    words = [f"{WORDS[place % 10]}{place}" for place in range(vocabulary)]
    share = 1 / np.arange(1, vocabulary + 1)

    def some(most: int) -> list[list[str]]:
        sizes = rng.integers(0, most, count)
        return [rng.choice(words, size, p=share / share.sum()).tolist() for size in sizes]

    return movies(
        genres=[rng.choice(["Drama", "War", "Comedy"], 2, replace=False).tolist() for _ in range(count)],
        keywords=some(6),
        cast=some(4),
        directors=some(2),
        overview=[" ".join(words) for words in some(30)],
        language=rng.choice(["en", "fr", "ja", ""], count).tolist(),
        year=rng.choice([0, 1950, 1999, 2017], count).tolist(),
        release_date=rng.choice(["", "1999-03-31", "2016-12"], count).tolist(),
    )


def fit(frame: pd.DataFrame, fitted_on=None, text_dim=0, min_word_count=1) -> FittedEncoder:
    fitted = np.ones(len(frame), dtype=bool) if fitted_on is None else np.array(fitted_on)
    return movie_encoder.fit(frame, fitted, text_dim, min_word_count, seed=1)


def encode(frame: pd.DataFrame, fitted_on=None, text_dim=0, min_word_count=1) -> Catalogue:
    return fit(frame, fitted_on, text_dim, min_word_count).encode(frame)


def assert_equal(found: Catalogue, expected: Catalogue) -> None:
    for field in dataclasses.fields(Catalogue):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name), field.name)


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


def test_the_median_release_is_of_the_fitted_movies_alone():
    frame = movies(year=[1990, 1994, 2020, 0])
    assert encode(frame, fitted_on=[True, True, False, True]).release[3] == 1992.5
    assert encode(frame, fitted_on=[False, False, False, True]).release[3] == 2000


def test_movies_with_the_same_words_point_the_same_way():
    keywords = [["space", "alien"], ["space", "alien"], ["wedding", "paris"], ["wedding", "rain"]]
    text = encode(movies(keywords=keywords), text_dim=2).text
    np.testing.assert_array_equal(text[0], text[1])
    np.testing.assert_allclose(np.linalg.norm(text, axis=1), 1, atol=1e-3)
    assert abs(float(text[0] @ text[2])) < 0.1


def test_a_words_weight_falls_with_the_movies_that_have_it():
    encoder = fit(movies(keywords=[["space", "rain"], ["space"], ["space"]]), text_dim=1)
    assert encoder.words == ["k:rain", "k:space"]
    expected = [1 + math.log(4 / 2), 1 + math.log(4 / 4)]
    np.testing.assert_allclose(encoder.idf, expected, atol=1e-9)


def test_names_are_what_five_movies_share_by_number_directors_first():
    frame = movies(
        directors=[["Ridley Scott", "Nobody Else"]] + [["Ridley Scott"]] * 4 + [[]],
        keywords=[["Space", "space"]] * 5 + [["space", "rain"]],
    )
    encoder = fit(frame)
    assert encoder.names == ["d:ridley scott", "k:space"]
    names = encoder.encode(frame).names
    assert names[[0, 5], :3].tolist() == [[1, 2, 0], [2, 0, 0]]
    assert not names[:, 2:].any()


def test_text_by_hand():
    encoder = FittedEncoder(
        genres=[],
        languages=[],
        words=["alien", "robot"],
        names=[],
        idf=np.array([1.0, 2.0]),
        directions=np.array([[0, 1], [1, 0]], np.float32),
        fallback_release=2000,
    )
    text = encoder.encode(movies(overview=["The alien, an alien and a robot."])).text
    # alien: 1 + ln 2 occurrences, times 1; robot: 1, times 2; then of length 1, and turned about.
    length = math.hypot(1 + math.log(2), 2)
    np.testing.assert_allclose(text, [[2 / length, (1 + math.log(2)) / length]], atol=3e-4)


def test_one_direction_of_two_words_by_hand():
    # Rows (0, 1), (0, 1) and (1, 0): "space" alone is the leading direction.
    encoder = fit(movies(keywords=[["space"], ["space"], ["rain"]]), text_dim=1)
    np.testing.assert_allclose(np.abs(encoder.directions), [[0, 1]], atol=1e-5)


def test_the_largest_entry_of_a_direction_is_positive_and_no_zero_is_negative():
    encoder = fit(described(80, 60), text_dim=12)
    largest = np.abs(encoder.directions).argmax(axis=1)
    assert (encoder.directions[np.arange(12), largest] > 0).all()
    assert not np.signbit(encoder.directions[encoder.directions == 0]).any()


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
    assert fit(frame, text_dim=2).words == ["c:orson welles", "d:orson welles"]
    assert encode(frame, text_dim=2).text.shape == (2, 1)  # two words, two movies, one direction fewer


def test_a_movie_encoded_alone_gets_the_row_it_gets_among_all_others():
    frame = described(60, 40)
    encoder = fit(frame, fitted_on=[True] * 40 + [False] * 20, text_dim=10, min_word_count=2)
    together = encoder.encode(frame)
    assert np.abs(together.text[40:]).sum() > 0
    for row in range(60):
        assert_equal(encoder.encode(frame.iloc[[row]]), together.only(np.arange(60) == row))


def test_a_movie_of_which_nothing_is_known_has_zeros_and_the_median_release():
    encoder = fit(described(40, 30), text_dim=5)
    new = movies(genres=[["Musical"]], keywords=[["never seen before"]], language=["xx"])
    found = encoder.encode(new)
    assert not found.content.any()
    assert found.release.tolist() == [encoder.fallback_release]


def test_no_movies_are_no_rows_of_the_same_columns():
    encoder = fit(described(40, 30), text_dim=5)
    found = encoder.encode(movies(year=[2001]).iloc[:0])
    assert (len(found), found.content.shape) == (0, (0, encoder.encode(described(1, 1)).content.shape[1]))


def test_an_encoder_comes_back_from_its_file_and_encodes_the_same(tmp_path):
    frame = described(60, 40).assign(cast=[["Gérard Depardieu", "三船 敏郎"]] * 60)
    encoder = fit(frame, text_dim=10)
    movie_encoder.write(encoder, tmp_path / "encoder.npz")
    found = movie_encoder.read(tmp_path / "encoder.npz")
    assert "c:三船 敏郎" in found.words
    assert_equal(found.encode(frame), encoder.encode(frame))
    movie_encoder.write(found, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "encoder.npz").read_bytes()


def test_the_number_of_blas_threads_does_not_change_a_byte():
    frame = described(400, 300)
    with threadpool_limits(1, user_api="blas"):
        limited = fit(frame, text_dim=48)
    free = fit(frame, text_dim=48)
    np.testing.assert_array_equal(limited.directions, free.directions)
    assert_equal(limited.encode(frame), free.encode(frame))


class AnotherMachinesSvd(TruncatedSVD):
    """Other last bits, and the other sign of every second direction."""

    def fit(self, tfidf):
        super().fit(tfidf)
        shape = self.components_.shape
        self.components_ += np.random.default_rng(0).normal(scale=1e-12, size=shape)
        self.components_[::2] *= -1
        return self


def test_last_bits_and_signs_of_the_svd_do_not_change_a_byte(monkeypatch):
    frame = described(400, 300)
    here = fit(frame, text_dim=48)
    monkeypatch.setattr(movie_encoder, "TruncatedSVD", AnotherMachinesSvd)
    there = fit(frame, text_dim=48)
    np.testing.assert_array_equal(here.directions, there.directions)
    assert_equal(here.encode(frame), there.encode(frame))

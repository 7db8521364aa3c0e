"""The catalogue: facts of all movies as numbers."""

import numpy as np

from marquee.data.tables.catalogue import Catalogue

TWO_MOVIES = Catalogue(
    genres=np.array([[0.5, 0.5], [0, 1]], np.float32),
    language=np.array([[1], [0]], np.float32),
    text=np.array([[0.6, -0.8], [0, 0]], np.float32),
    release=np.array([1994.5, 2017.25], np.float32),
    names=np.array([[3, 1], [2, 0]], np.int32),
)


def test_content_is_genres_then_language_then_text_and_no_date():
    np.testing.assert_array_equal(
        TWO_MOVIES.content, np.array([[0.5, 0.5, 1, 0.6, -0.8], [0, 1, 0, 0, 0]], np.float32)
    )


def test_a_catalogue_comes_back_from_its_file(tmp_path):
    TWO_MOVIES.write(tmp_path / "movies.npz")
    found = Catalogue.read(tmp_path / "movies.npz")
    assert len(found) == 2
    np.testing.assert_array_equal(found.content, TWO_MOVIES.content)
    assert found.release.tolist() == [1994.5, 2017.25]
    assert found.names.tolist() == [[3, 1], [2, 0]]
    assert found.content.dtype == found.release.dtype == np.float32


def test_only_keeps_the_rows_asked_for():
    found = TWO_MOVIES.only(np.array([False, True]))
    np.testing.assert_array_equal(found.content, TWO_MOVIES.content[1:])
    assert found.release.tolist() == [2017.25]

"""What the models know of every movie from its release on: genres, language, text, date.

Vocabularies and the text's directions are learned on the movies of the train period alone; a movie
added tomorrow is transformed by the same encoder (`marquee/data/preparation/movie_encoder.py`).
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from marquee.pipeline import arrays
from marquee.pipeline.arrays import Bool, Float32, Int32


@dataclass(frozen=True)
class Catalogue:
    """Facts of the release as numbers, a row per movie; the same for training and for serving.

    Attributes:
        genres: (num_movies, G) float32, each row sums to 1 or is 0.
        language: (num_movies, L) float32, one-hot; all 0 where unknown or rare.
        text: (num_movies, T) float32 of length 1 up to rounding, or 0 where there is no text; T may be 0.
        release: (num_movies,) float32, release as a year with fraction (2004.5); the median where unknown.
        names: (num_movies, N) int32, numbers of the directors, cast and keywords that several movies of
            the train period share, padded with 0.
    """

    genres: Float32
    language: Float32
    text: Float32
    release: Float32
    names: Int32

    def __len__(self) -> int:
        return len(self.release)

    @property
    def content(self) -> Float32:
        """(num_movies, G + L + T) float32: all but the date and the names."""
        return np.concatenate([self.genres, self.language, self.text], axis=1)

    def only(self, keep: Bool) -> "Catalogue":
        """The movies where `keep` is true."""
        return Catalogue(*(getattr(self, field.name)[keep] for field in fields(Catalogue)))

    def write(self, path: Path) -> None:
        """Write as one .npz."""
        arrays.write({field.name: getattr(self, field.name) for field in fields(self)}, path)

    @classmethod
    def read(cls, path: Path) -> "Catalogue":
        """Read what `write` wrote."""
        stored = arrays.read(path)
        return cls(**{field.name: stored[field.name] for field in fields(cls)})

"""The pictures of `explore_data`: each says its number in the title and needs no legend."""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from marquee.data.exploration import pictures_of_movies, pictures_of_people
from marquee.data.exploration.survey import Survey
from marquee.pictures import plots

Numbers = Mapping[str, float]
PICTURES: dict[str, Callable[[Survey, Numbers], Figure]] = {
    "long_tail": pictures_of_movies.long_tail,
    "ratings": pictures_of_people.ratings,
    "rhythm": pictures_of_people.rhythm,
    "years": pictures_of_people.years,
    "sessions": pictures_of_people.sessions,
    "histories": pictures_of_people.histories,
    "newness": pictures_of_people.newness,
    "movie_age": pictures_of_movies.movie_age,
    "genres": pictures_of_movies.genres,
    "coverage": pictures_of_movies.coverage,
    "correlations": pictures_of_movies.correlations,
}
"""What is drawn, in order."""


def drawable(survey: Survey) -> dict[str, bool]:
    """Whether the source has something to show, of the pictures for which it may have nothing."""
    return {
        "newness": all(period.interactions > 0 for period in survey.newness.values()),
        "movie_age": len(survey.ages) > 0,
        "genres": len(survey.genres) > 0,
        "correlations": any(np.isfinite(found.rho) for found in survey.rated.correlations.values()),
    }


def draw_all(survey: Survey, numbers: Numbers, folder: Path) -> list[str]:
    """Draw every picture that has something to show; returns the names of those written, in order."""
    drawn, possible = [], drawable(survey)
    for name, draw in PICTURES.items():
        path = folder / f"{name}.png"
        if not possible.get(name, True):
            path.unlink(missing_ok=True)
            continue
        with mpl.rc_context(plots.STYLE):
            figure = draw(survey, numbers)
            figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
            plots.save(figure, path)
        drawn.append(name)
    return drawn

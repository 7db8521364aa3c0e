"""Pictures of `explore_data` about movies: tail, age, genres, metadata, and what goes with a good rating."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marquee.data.exploration import bins, chart, profile
from marquee.data.exploration.chart import QUIET, TEAL
from marquee.data.exploration.survey import Survey
from marquee.data.exploration.wording import percent, signed
from marquee.pictures import plots
from marquee.pictures.plots import ACCENT, INK, MUTED, PALETTE
from marquee.pipeline.arrays import Float64, Int64

Numbers = Mapping[str, float]
NUM_GENRES = 6
"""Genres drawn in colour, the most rated ones."""

OLDEST = 50
"""Years; older movies are drawn together."""


def long_tail(survey: Survey, numbers: Numbers) -> Figure:
    """Cumulative share of ratings over movies, most rated first."""
    rated = survey.movie_counts[survey.movie_counts > 0]
    movies, held = profile.cumulative_share(rated)
    figure, (axes,) = plots.new()
    axes.plot(movies, held, color=ACCENT, linewidth=2.2)
    axes.fill_between(movies, held, color=ACCENT, alpha=0.08)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    even: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
    axes.text(0.55, 0.48, "if all were rated equally often", color=MUTED, fontsize=9, **even)
    backed = chart.BACKED | {"facecolor": "#faf0ec", "alpha": 1}
    for fraction in (0.01, 0.10):
        share = numbers[f"top_{100 * fraction:.0f}_percent_movies_share"]
        axes.plot(fraction, share, "o", color=ACCENT, markersize=7)
        text = f"top {100 * fraction:.0f} % of movies: {percent(share)} of ratings"
        axes.annotate(text, (fraction, share), (12, -4), textcoords="offset points", color=INK, bbox=backed)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="share of rated movies, most rated first")
    axes.set_ylabel("share of ratings")
    axes.xaxis.set_major_formatter(chart.SHARE)
    axes.yaxis.set_major_formatter(chart.SHARE)
    tenth = percent(numbers["top_10_percent_movies_share"])
    axes.set_title(f"A tenth of the movies gets {tenth} of the ratings (Gini {numbers['gini_movies']:.2f})")
    return figure


def movie_age(survey: Survey, numbers: Numbers) -> Figure:
    """How old movies are when they are rated."""
    figure, (axes,) = plots.new()
    ages = np.clip(survey.ages, -1, OLDEST)
    shares = np.bincount(ages + 1, minlength=OLDEST + 2) / len(ages)
    place = np.arange(-1, OLDEST + 1)
    median = numbers["movie_age_median"]
    colors = [ACCENT if age <= median else QUIET for age in place]
    axes.bar(place, shares, color=colors, width=0.82)
    ticks = [0, 10, 20, 30, 40, OLDEST]
    axes.set_xticks(ticks, [*map(str, ticks[:-1]), f"{OLDEST}+"])
    axes.set(xlabel="years from release to rating", ylabel="share of ratings", xlim=(-2, OLDEST + 1))
    axes.yaxis.set_major_formatter(chart.SHARE)
    axes.grid(visible=False, axis="x")
    axes.set_title(f"Half of all ratings go to movies at most {median:g} years old")
    return figure


def genres(survey: Survey, numbers: Numbers) -> Figure:
    """How the share of ratings of the most rated genres moves over the years."""
    figure, (axes,) = plots.new(9, 5)
    shares = survey.genre_shares
    place = np.arange(len(shares))
    shown = min(NUM_GENRES, len(survey.genres))
    for column in range(shares.shape[1] - 1, -1, -1):
        color = PALETTE[column] if column < shown else QUIET
        width = 2.2 if column < shown else 1
        axes.plot(place, shares[:, column], "o-", color=color, linewidth=width, markersize=width + 1)
    last = int(np.flatnonzero(~np.isnan(shares[:, 0]))[-1])
    ends = shares[last, :shown]
    top = float(np.nanmax(shares))
    for column, height in enumerate(chart.spread(ends, 0.045 * top)):
        text = f"{survey.genres[column]}  {percent(ends[column])}"
        axes.annotate(
            text, (last, height), (10, 0), textcoords="offset points", color=PALETTE[column], va="center"
        )
    step = max(1, round(len(place) / 12))
    axes.set_xticks(place[::step], survey.calendar.labels[::step])
    axes.set(
        ylim=(0, 1.05 * top),
        xlim=(place[0] - 0.5, place[-1] + 0.5),
        ylabel="share of ratings that go to the genre",
    )
    axes.yaxis.set_major_formatter(chart.SHARE)
    if len(survey.genres) > shown:
        axes.set_xlabel(
            f"{survey.calendar.unit} of the rating; in grey: {len(survey.genres) - shown} rarer genres"
        )
    name, first = survey.genres[0], percent(float(numbers["top_genre_share"]))
    axes.set_title(f"{first} of ratings go to {name}; a movie may have several genres")
    return figure


def coverage(survey: Survey, numbers: Numbers) -> Figure:
    """Share of movies and of ratings that each column of metadata covers."""
    columns = sorted(survey.coverage, key=lambda column: (column.ratings, column.movies))
    figure, (axes,) = plots.new(7.5, 0.42 * len(columns) + 1.3)
    place = np.arange(len(columns))
    movies, rated = np.array([(column.movies, column.ratings) for column in columns]).T
    axes.hlines(place, np.minimum(movies, rated), np.maximum(movies, rated), color=QUIET, linewidth=4)
    axes.plot(movies, place, "o", color=TEAL, markersize=8)
    axes.plot(rated, place, "o", color=ACCENT, markersize=8)
    for where, column in enumerate(columns):
        text = f"{percent(column.movies)} / {percent(column.ratings)}"
        axes.text(1.04, where, text, va="center", color=INK, fontsize=9)
    header = len(columns) - 0.3
    axes.text(1.04, header, "movies", va="bottom", color=TEAL, fontsize=9, fontweight="bold")
    axes.text(1.155, header, "/ ratings", va="bottom", color=ACCENT, fontsize=9, fontweight="bold")
    axes.set_yticks(place, [column.column.replace("_", " ") for column in columns], color=INK)
    axes.set(xlim=(-0.02, 1.32), ylim=(-0.6, len(columns) - 0.2), xlabel="share covered")
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(chart.SHARE)
    axes.spines["bottom"].set_bounds(0, 1)
    axes.grid(visible=False, axis="y")
    full = sum(column.ratings >= 0.95 for column in columns)
    axes.set_title(f"{full} of {len(columns)} columns cover at least 95 % of the ratings")
    return figure


def correlations(survey: Survey, numbers: Numbers) -> Figure:
    """Mean rating of movies against popularity, year and number of genres: median and middle half."""
    words = {
        "popularity": "ratings of the movie",
        "year": "year of release",
        "num_genres": "number of genres",
    }
    shown = [name for name, found in survey.rated.correlations.items() if np.isfinite(found.rho)]
    figure, panels = plots.new(11, 4.2, columns=len(shown))
    for axes, name in zip(panels, shown, strict=True):
        _along(axes, survey.rated.columns[name], survey.rated.mean)
        found = survey.rated.correlations[name]
        axes.set_title(f"{name.replace('num_', '').capitalize()}: Spearman's ρ {signed(found.rho)}")
        interval = f"95 % interval {signed(found.low)} to {signed(found.high)}"
        axes.text(0.03, 0.03, interval, transform=axes.transAxes, color=MUTED, fontsize=9)
        axes.set(xlabel=words[name], ylim=(0.5, 5))
        if name == "popularity":
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(chart.COUNT)
        if name == "num_genres":
            axes.set_xticks(range(1, int(survey.rated.columns[name].max()) + 1))
    panels[0].set_ylabel("mean rating of the movie, stars")
    panels[-1].annotate(
        "line: median; band: middle half",
        (1, 1),
        (0, -12),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        color=ACCENT,
        fontsize=9,
    )
    return figure


def _along(axes: Axes, column: Int64, mean: Float64) -> None:
    known = column != 0
    middle, quartiles = bins.quartiles_along(column[known], mean[known])
    few = len(np.unique(column[known])) <= bins.CLASSES
    aside = (
        0.5 * (np.arange(known.sum()) * 0.618 % 1 - 0.5) if few else 0
    )  # so that points of a value do not hide
    opacity = float(np.clip(1500 / known.sum(), 0.08, 0.7))
    axes.plot(
        column[known] + aside,
        mean[known],
        ".",
        color="#94a3b8",
        markersize=2.5,
        alpha=opacity,
        zorder=1,
        markeredgewidth=0,
    )
    axes.fill_between(middle, quartiles[0], quartiles[2], color=ACCENT, alpha=0.15, linewidth=0)
    axes.plot(middle, quartiles[1], "o-", color=ACCENT, markersize=3.5)

"""Everything `explore_data` finds out about a source: one value that pictures, report and metrics read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from marquee.data.exploration import bins, profile
from marquee.data.exploration.bins import Calendar
from marquee.data.exploration.profile import Correlation, Coverage, Newcomers
from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Float64, Int32, Int64

MIN_RATINGS = 10
"""A movie's mean rating counts in correlations from this many ratings on; below, it is mostly noise."""

SHORT_SPAN = 2 * 3600
"""Seconds; a history that spans less was entered in one sitting."""


@dataclass(frozen=True)
class Newness:
    """New users and cold movies of one period."""

    interactions: int
    users: Newcomers
    movies: Newcomers


@dataclass(frozen=True)
class RatedMovies:
    """The movies with at least MIN_RATINGS ratings, as columns of length m; correlations by their names."""

    mean: Float64
    columns: dict[str, Int64]
    correlations: dict[str, Correlation]


@dataclass(frozen=True)
class Survey:
    """What pictures draw; arrays keep their natural unit (half stars, seconds, years, shares).

    Attributes:
        interactions: all ratings, sorted by user, then time.
        movie_counts: (num_movies,) ratings of each movie of the catalogue.
        calendar: years or months; bin_counts, bin_means: (bins,) ratings and mean stars in each.
        session_lengths, sessions_per_user: ratings in a session, sessions of a user.
        history_lengths, history_spans, half_star_shares: (num_users,).
        cutoffs: first seconds of the validation and the test period.
        newness: of the periods "validation" and "test".
        ages: years from release to rating, of ratings whose movie has a year.
        genres: names, most rated first; genre_shares: (bins, genres).
    """

    interactions: Interactions
    movie_counts: Int64
    calendar: Calendar
    bin_counts: Int64
    bin_means: Float64
    session_lengths: Int64
    sessions_per_user: Int64
    history_lengths: Int64
    history_spans: Int64
    half_star_shares: Float64
    cutoffs: tuple[int, int]
    newness: dict[str, Newness]
    ages: Int32
    coverage: list[Coverage]
    rated: RatedMovies
    genres: list[str]
    genre_shares: Float64


def take(interactions: Interactions, movies: Any, metadata: Any, cutoffs: tuple[int, int]) -> Survey:
    """Look at everything once.

    Args:
        interactions: all ratings, sorted by user, then time; movie_index is the row in `movies`.
        movies: Arrow table of schema.MOVIES.
        metadata: Arrow table of schema.METADATA.
        cutoffs: first seconds of the validation and the test period.
    """
    user, movie, time = interactions.user_index, interactions.movie_index, interactions.timestamp
    movie_counts = np.bincount(movie, minlength=interactions.num_movies)
    calendar = bins.calendar(time)
    size = len(calendar.labels)
    bin_counts = np.bincount(calendar.position, minlength=size)
    half_stars = np.bincount(calendar.position, weights=interactions.half_stars, minlength=size)
    session_starts = profile.session_starts(user, time)
    genres, genre_shares = profile.genre_shares(
        movie, calendar.position, size, movies["genres"], interactions.num_movies
    )
    return Survey(
        interactions=interactions,
        movie_counts=movie_counts,
        calendar=calendar,
        bin_counts=bin_counts,
        bin_means=np.divide(half_stars / 2, bin_counts, out=np.full(size, np.nan), where=bin_counts > 0),
        session_lengths=profile.lengths(session_starts),
        sessions_per_user=np.bincount(user[session_starts], minlength=interactions.num_users),
        history_lengths=np.diff(interactions.user_starts),
        history_spans=profile.history_spans(interactions),
        half_star_shares=profile.half_star_shares(interactions),
        cutoffs=cutoffs,
        newness=_newness(interactions, cutoffs),
        ages=profile.movie_ages(time, movie, movies["year"].to_numpy().astype(np.int32)),
        coverage=profile.coverage(movies, metadata, movie_counts),
        rated=_rated_movies(interactions, movies, movie_counts),
        genres=genres,
        genre_shares=genre_shares,
    )


def _newness(interactions: Interactions, cutoffs: tuple[int, int]) -> dict[str, Newness]:
    time = interactions.timestamp
    ends = {"validation": cutoffs, "test": (cutoffs[1], int(time.max()) + 1)}
    return {
        name: Newness(
            int(((time >= start) & (time < end)).sum()),
            profile.newcomers(interactions.user_index, time, start, end),
            profile.newcomers(interactions.movie_index, time, start, end),
        )
        for name, (start, end) in ends.items()
    }


def _rated_movies(interactions: Interactions, movies: Any, counts: Int64) -> RatedMovies:
    keep = counts >= MIN_RATINGS
    mean = profile.mean_ratings(interactions)[keep]
    lengths = pc.fill_null(pc.list_value_length(movies["genres"]), 0)
    columns = {
        "popularity": counts[keep],
        "year": movies["year"].to_numpy()[keep].astype(np.int64),
        "num_genres": np.asarray(lengths.to_numpy(), dtype=np.int64)[keep],
    }
    correlations = {
        name: profile.spearman(mean[column != 0], column[column != 0]) for name, column in columns.items()
    }
    return RatedMovies(mean, columns, correlations)


def numbers(survey: Survey, positive_rating: float) -> dict[str, float]:
    """A few dozen numbers, flat; shares lie in 0 to 1, NaN where there is nothing to count."""
    return {
        **_sizes(survey),
        **_ratings(survey, positive_rating),
        **_people(survey),
        **_periods(survey),
        **_movies(survey),
    }


def _sizes(survey: Survey) -> dict[str, float]:
    table = survey.interactions
    rated = survey.movie_counts[survey.movie_counts > 0]
    span = int(table.timestamp.max() - table.timestamp.min())
    first, last = profile.years(np.array([table.timestamp.min(), table.timestamp.max()]))
    return {
        "num_interactions": len(table),
        "num_users": table.num_users,
        "num_movies": len(rated),
        "num_catalogue_movies": table.num_movies,
        "sparsity": 1 - len(table) / (table.num_users * len(rated)),
        "span_years": span / (365.25 * bins.DAY),
        "first_year": int(first),
        "last_year": int(last),
        "top_1_percent_movies_share": profile.top_share(rated, 0.01),
        "top_10_percent_movies_share": profile.top_share(rated, 0.10),
        "top_10_percent_users_share": profile.top_share(survey.history_lengths, 0.10),
        "gini_movies": profile.gini(rated),
        "rated_once_movies_share": float((rated == 1).mean()),
    }


def _ratings(survey: Survey, positive_rating: float) -> dict[str, float]:
    table = survey.interactions
    half = table.half_stars % 2 == 1
    sums = np.bincount(table.user_index, weights=table.half_stars, minlength=table.num_users)
    since = table.timestamp >= table.timestamp[half].min() if half.any() else half
    hours, days = bins.by_hour(table.timestamp), bins.by_weekday(table.timestamp)
    return {
        "mean_rating": float(table.half_stars.mean() / 2),
        "std_rating": float(table.half_stars.std() / 2),
        "std_user_mean_rating": float((sums / survey.history_lengths / 2).std()),
        "positive_share": float((table.half_stars >= 2 * positive_rating).mean()),
        "half_star_share": float(half.mean()),
        "before_half_stars_share": float((~since).mean()),
        "never_half_star_users_share": float((survey.half_star_shares == 0).mean()),
        "busiest_hour": int(hours.argmax()),
        "busiest_hour_share": float(hours.max() / hours.sum()),
        "quietest_hour": int(hours.argmin()),
        "quietest_hour_share": float(hours.min() / hours.sum()),
        "weekend_share": float(days[5:].sum() / days.sum()),
    }


def _people(survey: Survey) -> dict[str, float]:
    table, history = survey.interactions, survey.history_lengths
    return {
        "num_sessions": len(survey.session_lengths),
        "session_length_mean": float(survey.session_lengths.mean()),
        "session_length_median": float(np.median(survey.session_lengths)),
        "within_session_share": 1 - len(survey.session_lengths) / len(table),
        "one_session_users_share": float((survey.sessions_per_user == 1).mean()),
        "tied_share": profile.tied_share(table.user_index, table.timestamp),
        "history_length_mean": float(history.mean()),
        "history_length_median": float(np.median(history)),
        "history_length_p90": float(np.quantile(history, 0.9)),
        "history_length_min": int(history.min()),
        "history_length_max": int(history.max()),
        "short_span_users_share": float((survey.history_spans < SHORT_SPAN).mean()),
    }


def _periods(survey: Survey) -> dict[str, float]:
    result: dict[str, float] = {}
    for period, newness in survey.newness.items():
        result |= {
            f"{period}_num_interactions": newness.interactions,
            f"{period}_num_users": newness.users.seen,
            f"{period}_num_movies": newness.movies.seen,
            f"{period}_new_users_share": newness.users.new_share,
            f"{period}_new_users_interactions_share": newness.users.interaction_share,
            f"{period}_cold_movies_share": newness.movies.new_share,
            f"{period}_cold_movies_interactions_share": newness.movies.interaction_share,
        }
    return result


def _movies(survey: Survey) -> dict[str, float]:
    ages = survey.ages
    result = {
        "movie_age_median": float(np.median(ages)) if len(ages) else float("nan"),
        "movie_age_at_most_1_share": float((ages <= 1).mean()) if len(ages) else float("nan"),
        "rated_before_release_share": float((ages < 0).mean()) if len(ages) else float("nan"),
    }
    if survey.genres:
        counts = survey.bin_counts
        result["top_genre_share"] = float(np.nansum(survey.genre_shares[:, 0] * counts) / counts.sum())
        result["genre_drift"] = profile.largest_drift(survey.genre_shares, counts)
    for column in survey.coverage:
        result |= {
            f"{column.column}_coverage_movies": column.movies,
            f"{column.column}_coverage_ratings": column.ratings,
        }
    for name, correlation in survey.rated.correlations.items():
        result[f"rating_{name}_spearman"] = correlation.rho
    return result | {"correlated_movies": len(survey.rated.mean)}

"""The page `explore_data` writes: headline numbers, then each picture with what it means for modelling.

Every sentence is chosen by the numbers; where a condition does not hold, it says what holds instead.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from marquee.data.exploration.wording import percent, signed, thousands
from marquee.data.tables import facts

Numbers = Mapping[str, float]
METADATA = [fact.name for fact in facts.OF_METADATA]
FEW, NOTABLE, MANY = 0.05, 0.2, 0.5
"""Shares at which the page says something else."""

WEAK = 0.1
"""A smaller correlation says little."""

UNEVEN = 1.5
"""Ratings follow the hour where the busiest has more than this many times its even share."""

WEEKEND = 2 / 7
"""Share of the week."""


def page(numbers: Numbers, source: str, pictures: Sequence[str]) -> str:
    """The report as Markdown.

    Args:
        numbers: from `survey.numbers`.
        source: what the ratings are, as the raw manifest names it; "sample" is the simulated one.
        pictures: names of the pictures that were drawn, in order.
    """
    parts = [f"# The data: {source}", *_notes(numbers, source), _table(numbers)]
    for name in pictures:
        title, explain = SECTIONS[name]
        parts.append(f"## {title}\n\n{explain(numbers)}\n\n![{title}]({name}.png)")
    missing = [SECTIONS[name][0].lower() for name in SECTIONS if name not in pictures]
    if missing:
        parts.append(f"Not drawn, for this source has too little of it: {', '.join(missing)}.")
    return "\n\n".join(parts) + "\n"


def _notes(numbers: Numbers, source: str) -> list[str]:
    notes = []
    if source == "sample":
        notes.append(
            "**The people are simulated.** The films are real, but every rating comes from the taste model "
            "of `docs/sample.md`: what follows shows that model's shape, not how people behave."
        )
    unit = "year" if numbers["last_year"] - numbers["first_year"] >= 2 else "month"
    notes.append(
        "This page looks at all ratings, the test period included: it is for people, and nothing is fitted "
        "on it. Validation and test begin at the cutoffs in time of `preprocess_data`. Hours and days are "
        f"UTC; the first and the last {unit} may be partial."
    )
    return notes


def _table(numbers: Numbers) -> str:
    count = {name: thousands(value) for name, value in numbers.items()}
    share = {name: percent(value) for name, value in numbers.items() if name.endswith(("share", "sparsity"))}
    cold = [share[f"{period}_cold_movies_interactions_share"] for period in ("validation", "test")]
    new = [share[f"{period}_new_users_share"] for period in ("validation", "test")]
    top = [share[f"top_{part}_percent_movies_share"] for part in (1, 10)]
    history = [f"{numbers[f'history_length_{name}']:,.0f}" for name in ("median", "mean", "max")]
    rows = {
        "ratings": count["num_interactions"],
        "people": count["num_users"],
        "movies with a rating, of the catalogue": f"{count['num_movies']} of {count['num_catalogue_movies']}",
        "empty cells of people × movies with a rating": share["sparsity"],
        "years": f"{numbers['first_year']:.0f} to {numbers['last_year']:.0f}",
        "mean rating, standard deviation": f"{numbers['mean_rating']:.2f}, {numbers['std_rating']:.2f} stars",
        "ratings that count as positive": share["positive_share"],
        "ratings of the top 1 %, 10 % of movies": ", ".join(top),
        "ratings of a person: median, mean, most": "; ".join(history),
        "histories that span under two hours": share["short_span_users_share"],
        "ratings in the same second as another of the person": share["tied_share"],
        "people new in validation, test": ", ".join(new),
        "ratings of cold movies in validation, test": ", ".join(cold),
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---:|", *lines])


def _long_tail(numbers: Numbers) -> str:
    once = numbers["rated_once_movies_share"]
    if numbers["top_10_percent_movies_share"] >= MANY:
        meaning = (
            "Few movies hold most ratings: popularity is a baseline to beat, and negatives drawn from the "
        )
        meaning += "ratings themselves need the logQ correction."
    else:
        meaning = (
            "Ratings are spread over many movies: popularity is a weaker baseline than where few hold most."
        )
    if once >= FEW:
        return f"{meaning} {percent(once)} of the movies have one rating, too few to learn an embedding from."
    if once > 0:
        return f"{meaning} Hardly a movie ({percent(once)}) has to make do with one rating."
    return f"{meaning} Every movie that was rated at all has more than one rating."


def _ratings(numbers: Numbers) -> str:
    never = percent(numbers["never_half_star_users_share"])
    if numbers["half_star_share"] == 0:
        habit = "Nobody gives half stars: the scale has five steps."
    elif numbers["before_half_stars_share"] > FEW:
        early = percent(numbers["before_half_stars_share"])
        habit = f"{early} of the ratings came before the first half star: the scale itself changed over time."
    else:
        habit = f"Half stars are there from early on, yet {never} of people never give one: habits differ."
    spread = f"{numbers['std_user_mean_rating']:.2f}"
    return (
        f"{habit} People's own means differ by {spread} stars (standard deviation), which a model must know."
    )


def _rhythm(numbers: Numbers) -> str:
    if numbers["busiest_hour_share"] > UNEVEN / 24:
        hours = "Ratings follow the hour: it says when people rate, which need not be when they watch."
    else:
        hours = "Ratings are spread nearly evenly over the day: the hour tells little."
    if abs(numbers["weekend_share"] - WEEKEND) < FEW:
        return f"{hours} Weekends take about their share of the week: expect little of them as a feature."
    more = "more" if numbers["weekend_share"] > WEEKEND else "fewer"
    return f"{hours} Weekends bring {more} ratings than an even spread would: the day may help as a feature."


def _years(numbers: Numbers) -> str:
    sizes = [
        f"{period} holds {thousands(numbers[f'{period}_num_interactions'])} ratings of "
        f"{thousands(numbers[f'{period}_num_users'])} people"
        for period in ("validation", "test")
    ]
    return (
        "Lines mark the cutoffs: nothing right of one is seen by what is fitted for it. "
        f"{sizes[0].capitalize()}, {sizes[1]}; intervals are drawn over people, so it is their number that "
        "decides how sure a result is."
    )


def _sessions(numbers: Numbers) -> str:
    tied, within = percent(numbers["tied_share"]), percent(numbers["within_session_share"])
    if numbers["tied_share"] >= FEW:
        ties = (
            f"{tied} of ratings share their second with another of the same person: their order is unknown, "
        )
        ties += "so a history must be strictly earlier than what is asked."
    else:
        ties = (
            f"Only {tied} of ratings share their second with another of the same person, so order is known."
        )
    return (
        f"{ties} {within} of ratings come within an hour of the person's last one: a history is often fresh."
    )


def _histories(numbers: Numbers) -> str:
    short = numbers["short_span_users_share"]
    if short >= MANY:
        spans = (
            "Most people leave all their ratings in one sitting: a history often says nothing about change."
        )
    elif short >= NOTABLE:
        spans = "Many people leave all ratings in one sitting; only the others show how taste moves."
    else:
        spans = "Most people come back after hours or more, so recency within a history can tell something."
    most = thousands(math.ceil(numbers["history_length_p90"]))
    return f"{spans} A `history_length` of {most} would hold all ratings of nine people in ten."


def _newness(numbers: Numbers) -> str:
    new, cold = numbers["test_new_users_share"], numbers["test_cold_movies_interactions_share"]
    if new >= MANY:
        people = (
            f"{percent(new)} of the people in test were never seen before: a user id cannot be the model."
        )
    else:
        people = f"{percent(new)} of the people in test are new; the others have a past to learn from."
    if cold >= FEW:
        return f"{people} {percent(cold)} of its ratings go to cold movies, which ids alone cannot find."
    return f"{people} Only {percent(cold)} of its ratings go to cold movies, so they hardly move the average."


def _movie_age(numbers: Numbers) -> str:
    fresh, before = numbers["movie_age_at_most_1_share"], numbers["rated_before_release_share"]
    text = f"{percent(fresh)} of ratings come by the end of the year after the release"
    if before > 0:
        text += f" ({percent(before)} before the year of release: previews or wrong years)"
    if fresh >= NOTABLE:
        return f"{text}: new movies matter, so age at the time of asking is a feature to give the model."
    return f"{text}: the back catalogue takes most, and a list of new movies alone would miss it."


def _genres(numbers: Numbers) -> str:
    drift = f"{100 * numbers['genre_drift']:.1f} points between the first and the last quarter of the ratings"
    if numbers["genre_drift"] >= FEW:
        return f"A genre's share moves by up to {drift}: newer ratings may deserve more weight."
    return f"No genre's share moves by more than {drift}: by genre alone, the past resembles the present."


def _coverage(numbers: Numbers) -> str:
    covered = {name: numbers[f"{name}_coverage_ratings"] for name in METADATA}
    empty = [name.replace("_", " ") for name in METADATA if not covered[name]]
    if len(empty) == len(covered):
        return "There is no metadata beyond title, year and genres: cold movies can be known by those alone."
    worst = min((name for name in covered if covered[name]), key=lambda name: covered[name])
    share, movies = percent(covered[worst]), percent(numbers[f"{worst}_coverage_movies"])
    column = worst.replace("_", " ")
    missing = f"This source has no {' and no '.join(empty)}. Of the rest, the" if empty else "The"
    text = f"{missing} least filled column ({column}) covers {share} of ratings and {movies} of movies"
    if min(covered[worst], numbers[f"{worst}_coverage_movies"]) >= 1 - FEW:
        return f"{text}: metadata can carry cold movies."
    return f"{text}: features must live with gaps, and no row may be dropped for one."


def _correlations(numbers: Numbers) -> str:
    words = {"popularity": "popularity", "year": "year of release", "num_genres": "number of genres"}
    told = [f"{signed(numbers[f'rating_{name}_spearman'])} with {words[name]}" for name in words]
    size = thousands(numbers["correlated_movies"])
    base = f"Over the {size} movies with at least ten ratings, Spearman's ρ of the mean rating is "
    base += f"{', '.join(told)}."
    rho = numbers["rating_popularity_spearman"]
    if rho > WEAK:
        return f"{base} Popular movies are rated higher: popularity is news for retrieval and ranking alike."
    if rho < -WEAK:
        return f"{base} Popular movies are rated lower: what is watched most is not what is liked most."
    return (
        f"{base} Popularity says little about the rating here: retrieval and ranking learn different things."
    )


SECTIONS: dict[str, tuple[str, Callable[[Numbers], str]]] = {
    "long_tail": ("The long tail", _long_tail),
    "ratings": ("Stars", _ratings),
    "rhythm": ("Hours and days", _rhythm),
    "years": ("Over time", _years),
    "sessions": ("Sessions", _sessions),
    "histories": ("Histories", _histories),
    "newness": ("New people, cold movies", _newness),
    "movie_age": ("Age of movies when rated", _movie_age),
    "genres": ("Genres over time", _genres),
    "coverage": ("Metadata", _coverage),
    "correlations": ("What goes with a good rating", _correlations),
}
"""Picture -> its heading and its sentence, in the order of the page."""

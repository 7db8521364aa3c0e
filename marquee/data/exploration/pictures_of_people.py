"""Pictures of `explore_data` about people: what they rate, when, how much, and who is new."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marquee.data.exploration import bins, chart
from marquee.data.exploration.chart import QUIET, TEAL
from marquee.data.exploration.survey import SHORT_SPAN, Survey
from marquee.data.exploration.wording import percent, thousands
from marquee.pictures import plots
from marquee.pictures.plots import ACCENT, INK

Numbers = Mapping[str, float]


def ratings(survey: Survey, numbers: Numbers) -> Figure:
    """Histogram of stars, and how people use half stars."""
    figure, (stars, habits) = plots.new(11, 4.2, columns=2)
    half_stars = survey.interactions.half_stars
    shares = np.bincount(half_stars, minlength=11)[1:] / len(half_stars)
    colors = [ACCENT if place % 2 == 0 else QUIET for place in range(10)]
    labels = [f"{(place + 1) / 2:g}" for place in range(10)]
    chart.bars(stars, labels, shares, colors, "rating, stars")
    stars.set_ylabel("share of ratings")
    stars.set_title(
        f"Mean {numbers['mean_rating']:.2f} stars; "
        f"{percent(numbers['half_star_share'])} of ratings are half stars"
    )

    group = np.searchsorted([0, 0.1, 0.25, 0.5], survey.half_star_shares)
    users = np.bincount(group, minlength=5) / survey.interactions.num_users
    groups = ["never", "up to\n10 %", "10–25 %", "25–50 %", "over\n50 %"]
    chart.bars(
        habits, groups, users, [ACCENT] + [QUIET] * 4, "share of a person's ratings that are half stars"
    )
    habits.set_ylabel("share of people")
    habits.set_title(f"{percent(numbers['never_half_star_users_share'])} of people never give a half star")
    return figure


def rhythm(survey: Survey, numbers: Numbers) -> Figure:
    """Ratings by hour of the day and by weekday."""
    time = survey.interactions.timestamp
    figure, (hours, days) = plots.new(11, 4.0, columns=2)
    by_hour = bins.by_hour(time) / len(time)
    busiest, quietest = int(numbers["busiest_hour"]), int(numbers["quietest_hour"])
    colors = [ACCENT if hour == busiest else QUIET for hour in range(24)]
    hours.bar(np.arange(24), by_hour, color=colors, width=0.8)
    chart.level(hours, 1 / 24, "even")
    hours.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
    hours.set(xlabel="hour of the day, UTC", ylabel="share of ratings")
    hours.yaxis.set_major_formatter(chart.SHARE)
    hours.grid(visible=False, axis="x")
    times = numbers["busiest_hour_share"] / max(numbers["quietest_hour_share"], 1e-12)
    compared = f"{times:.1f} times as much as {quietest:02d}:00" if times < 100 else "the most"
    hours.set_title(f"{busiest:02d}:00 UTC brings {compared}")

    by_day = bins.by_weekday(time) / len(time)
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    chart.bars(days, names, by_day, [QUIET] * 5 + [ACCENT] * 2, "day of the week, UTC")
    days.set_title(f"Weekends bring {percent(numbers['weekend_share'])} (even: 29 %)")
    return figure


def years(survey: Survey, numbers: Numbers) -> Figure:
    """Ratings and mean rating over the years, with the cutoffs of the periods."""
    calendar = survey.calendar
    figure, (amount, mean) = plots.new(9, 5.6, rows=2)
    mean.sharex(amount)
    middle = np.arange(len(calendar.labels))
    amount.bar(middle, survey.bin_counts, color=QUIET, width=0.82)
    amount.yaxis.set_major_formatter(chart.COUNT)
    amount.set_ylim(0, 1.18 * survey.bin_counts.max())
    amount.set_ylabel(f"ratings a {calendar.unit}")
    amount.grid(visible=False, axis="x")
    amount.tick_params(labelbottom=False)
    mean.plot(middle, survey.bin_means, "o-", color=TEAL, linewidth=1.8, markersize=4.5)
    mean.set_ylabel("mean rating, stars")
    chart.level(mean, numbers["mean_rating"], f"overall\n{numbers['mean_rating']:.2f}")
    _mark_periods(survey, amount, mean)
    step = max(1, round(len(middle) / 12))
    mean.set_xticks(middle[::step], calendar.labels[::step])
    low, high = np.nanmin(survey.bin_means), np.nanmax(survey.bin_means)
    amount.set_title(
        f"{thousands(numbers['num_interactions'])} ratings over {numbers['span_years']:.1f} years"
    )
    mean.set_title(f"The {calendar.unit}ly mean moves between {low:.2f} and {high:.2f} stars")
    return figure


def sessions(survey: Survey, numbers: Numbers) -> Figure:
    """Session lengths in doubling classes, and sessions of a person."""
    figure, (length, people) = plots.new(11, 4.2, columns=2)
    chart.doubling(length, survey.session_lengths, "ratings in a session (a gap over 60 minutes ends it)")
    length.set_ylabel("share of sessions")
    median = thousands(numbers["session_length_median"])
    length.set_title(f"The median session holds {median} rating{'' if median == '1' else 's'}")
    chart.doubling(people, survey.sessions_per_user, "sessions of a person")
    people.set_ylabel("share of people")
    people.set_title(f"{percent(numbers['one_session_users_share'])} of people have a single session")
    return figure


def histories(survey: Survey, numbers: Numbers) -> Figure:
    """History lengths in doubling classes, and the time they span."""
    figure, (length, span) = plots.new(11, 4.2, columns=2)
    chart.doubling(length, survey.history_lengths, "ratings of a person")
    length.set_ylabel("share of people")
    median, most = numbers["history_length_median"], numbers["history_length_p90"]
    length.set_title(f"Median {median:,.0f} ratings; one person in ten over {most:,.0f}")
    edges = [0, 600, SHORT_SPAN, bins.DAY, 30 * bins.DAY, 365 * bins.DAY, np.inf]
    shares = np.histogram(survey.history_spans, bins=edges)[0] / len(survey.history_spans)
    names = ["under\n10 min", "to\n2 hours", "to\na day", "to\na month", "to\na year", "longer"]
    chart.bars(span, names, shares, [ACCENT] * 2 + [QUIET] * 4, "from a person's first rating to the last")
    span.set_title(f"{percent(numbers['short_span_users_share'])} of histories span under two hours")
    return figure


def newness(survey: Survey, numbers: Numbers) -> Figure:
    """New users and cold movies of the validation and the test period."""
    figure, panels = plots.new(11, 3.6, columns=2)
    rows = {
        "new_users_share": "people\nwho are new",
        "new_users_interactions_share": "ratings by\nnew people",
        "cold_movies_share": "movies that\nare cold",
        "cold_movies_interactions_share": "ratings of\ncold movies",
    }
    for axes, period in zip(panels, survey.newness, strict=True):
        shares = np.array([numbers[f"{period}_{name}"] for name in rows])
        place = np.arange(len(rows))[::-1]
        axes.barh(place, 1, color="#f1f5f9", height=0.62)
        axes.barh(place, np.nan_to_num(shares), color=[TEAL, TEAL, ACCENT, ACCENT], height=0.62)
        for where, share in zip(place, shares, strict=True):
            chart.bar_label(axes, share, where)
        axes.set_yticks(place, list(rows.values()), color=INK)
        axes.set(xlim=(0, 1), xlabel="share of the period")
        axes.xaxis.set_major_formatter(chart.SHARE)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        new, people = percent(numbers[f"{period}_new_users_share"]), numbers[f"{period}_num_users"]
        axes.set_title(f"{period.capitalize()}: {new} of {thousands(people)} people are new")
    return figure


def _mark_periods(survey: Survey, amount: Axes, mean: Axes) -> None:
    starts = survey.calendar.starts
    labels = (("validation starts ", "right"), (" test starts", "left"))
    for (name, side), cutoff in zip(labels, survey.cutoffs, strict=True):
        place = float(np.interp(cutoff, starts, np.arange(len(starts)) - 0.5))
        for axes in (amount, mean):
            axes.axvline(place, color=ACCENT, linewidth=1.2)
        amount.annotate(
            name,
            (place, 1),
            (0, -10),
            ha=side,
            textcoords="offset points",
            xycoords=("data", "axes fraction"),
            color=ACCENT,
            fontsize=8.5,
        )

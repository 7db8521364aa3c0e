"""The figures of the worlds beside their targets, as a table of Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

MEANT = ("new_tastes", "new_movies", "rating_scale", "popularity_shock", "feedback_loop")
"""Worlds whose change is to be found; a junk client is one visitor, and is not."""


def table(numbers: Mapping[str, Any], volume: int) -> str:
    """All that was measured; worlds that were not run are left out."""
    head = ["| figure | target | measured |", "|---|---|---|"]
    lines = [*_run_lengths(numbers), *_found(numbers, volume), *_estimates(numbers), *_off_policy(numbers)]
    return "\n".join([*head, *lines, *_junk(numbers)]) + "\n"


def _run_lengths(numbers: Mapping[str, Any]) -> Iterator[str]:
    for name, one in numbers["run_length"].items():
        yield _line(
            f"requests until a false alarm, {name}",
            f"{one['asked']:,}, within 30 %",
            f"{one['run_length']:,} ({one['alarms']} alarms in {one['windows']:,} windows)",
        )


def _found(numbers: Mapping[str, Any], volume: int) -> Iterator[str]:
    for name, one in numbers["found"].items():
        delay = f", median delay {one['delay_requests_median']:,.0f}" if one["found"] else ""
        wanted = "9 of 10" if name in MEANT else "few"
        within = f" within {volume:,} requests" if name != "stationary" else ", whole lives"
        yield _line(f"{name}: alarmed{within}", wanted, f"{one['found']:.0f} of {one['runs']:.0f}{delay}")


def _estimates(numbers: Mapping[str, Any]) -> Iterator[str]:
    for name, one in numbers["estimates"].items():
        told = f"{one['rmse_off_mean']:+.3f}, {one['hit_rate_off_mean']:+.3f}"
        most = f"at most {one['rmse_off_most']:.3f}, {one['hit_rate_off_most']:.3f}"
        yield _line(f"{name}: RMSE and hit rate estimated without labels, off by", "0.02", f"{told}; {most}")


def _off_policy(numbers: Mapping[str, Any]) -> Iterator[str]:
    for name, one in numbers["off_policy"].items():
        told = f"refused in {one['refused']:.0f} of {one['runs']:.0f} runs"
        if one["refused"] < one["runs"]:
            of = f"SNIPS {one['covered_snips']:.1%}, doubly robust {one['covered_doubly_robust']:.1%}"
            told = f"{of}; {told}" if one["refused"] else of
        yield _line(
            f"off-policy intervals that cover the truth, {name}",
            "93 to 97 %",
            f"{told} (lists worth {one['effective_lists']:.0f})",
        )


def _junk(numbers: Mapping[str, Any]) -> Iterator[str]:
    if "junk" not in numbers:
        return
    one = numbers["junk"]
    counted = (
        f"{one['bad']:.0f} lines bad, {one['later']:.0f} of a later schema, "
        f"{one['duplicates']:.0f} duplicates, {one['own_ratings']:,.0f} ratings under its own id"
    )
    yield _line(
        "junk client: ratings of others lost or changed",
        "0",
        f"{one['others_ratings_lost_or_changed']:.0f}; counted in each world: {counted}",
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

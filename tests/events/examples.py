"""Records made by hand."""

from typing import Any

from marquee.events import records

BUNDLE = "ab" * 32
TIME = 1_600_000_000.125


def answer(visitor_id: str | None = "ann", **changed: Any) -> dict[str, Any]:
    """An answer of two movies to a visitor."""
    results = records.results(
        [10, 20],
        sources=["two_tower", "popular"],
        scores=[0.5, 0.25],
        predicted_ratings=[4.5, 3.25],
        propensities=[0.75, 0.5],
    )
    made = records.answer(
        "recommend",
        request_id=records.request_id(),
        time=TIME,
        bundle=BUNDLE,
        arm="champion",
        visitor_id=visitor_id,
        request={
            "history": [{"movie_id": 1, "rating": 4.5, "timestamp": None}],
            "k": 2,
            "now": 1_600_000_000,
        },
        results=results,
        steps={"sources": 1.5, "filter": 0.25, "rank": 2.0, "order": 0.5, "total": 4.5},
    )
    return made | changed


def feedback(visitor_id: str | None = "ann", answer_id: str | None = None, **changed: Any) -> dict[str, Any]:
    """A click of a visitor."""
    made = records.feedback(
        request_id=records.request_id(),
        time=TIME,
        bundle=BUNDLE,
        visitor_id=visitor_id,
        answer_id=answer_id,
        movie_id=10,
        event="clicked",
        rating=None,
        place=1,
    )
    return made | changed

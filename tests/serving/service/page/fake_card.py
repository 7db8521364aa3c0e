"""The model card that `fake_api` answers with."""

from marquee.serving.service import model_card, responses

MODEL = "bba7ef61" * 8


def _top_100(
    model: str, value: float, low: float, high: float, group: str = "all"
) -> model_card.MeasuredScore:
    return model_card.MeasuredScore(
        metric="top_100_accuracy", model=model, group=group, value=value, low=low, high=high
    )


CARD = model_card.ModelResponse(
    model=MODEL,
    num_movies=1210,
    genres=["Action", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi"],
    languages=["en", "fr", "ja"],
    years=responses.YearsKnown(first=1902, last=2050),
    data=model_card.Data(
        source="sample",
        simulated=True,
        metadata="included",
        md5={},
        users=3200,
        movies=1209,
        ratings=200_417,
        licences=[model_card.Licence(data="Ratings", holder="Marquee", licence="MIT", citation="None asked")],
    ),
    split=model_card.Split(
        kind="temporal",
        periods={
            "test": model_card.Period(ratings=20_042, first_day="2017-10-09"),
            "train": model_card.Period(ratings=160_333, first_day="2006-01-02"),
            "validation": model_card.Period(ratings=20_042, first_day="2016-08-27"),
        },
    ),
    metrics={
        "evaluate_retrieval": [
            model_card.MeasuredScore(metric="users", value=405),
            _top_100("popularity", 0.355, 0.344, 0.367),
            _top_100("two_tower", 0.605, 0.588, 0.621),
            _top_100("two_tower", 0.25, 0.237, 0.264, group="minus_popularity"),
        ],
        "evaluate_ranking": [
            model_card.MeasuredScore(
                metric="rmse", model="dcn", group="all", value=0.866, low=0.839, high=0.895
            ),
        ],
    },
    requirements={
        "latency_ms": model_card.Requirement(required=400, passed=True),
        "retrieval_above_popularity": model_card.Requirement(required=0, passed=True),
        "rmse_at_most": model_card.Requirement(required=1.2, passed=True),
    },
    libraries=["numpy==2.4.6"],
    sources=[
        responses.SourceWords(
            name="two_tower", shown="fits", shown_at_first="a guess", found_by="two towers"
        ),
        responses.SourceWords(
            name="similar", shown="is near", shown_at_first="is near", found_by="neighbours"
        ),
        responses.SourceWords(
            name="popular", shown="many like it", shown_at_first="many", found_by="counting"
        ),
    ],
    first_titles=[
        responses.Movie(movie_id=place, title=f"First {place}", year=1990, genres=["Drama"])
        for place in range(1, 9)
    ],
)

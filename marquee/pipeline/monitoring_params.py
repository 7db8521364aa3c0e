"""The section of params.yaml that only monitoring reads: how the service is judged, who is promoted."""

from typing import Annotated

from pydantic import Field, model_validator

from marquee.pipeline.sections import Count, Section

NotNegative = Annotated[float, Field(ge=0)]


class Margins(Section):
    """By how much a retrained bundle may be worse than the champion, all the same."""

    ndcg_at_10: NotNegative
    rmse: NotNegative
    cold_movies: NotNegative
    no_history: NotNegative
    coverage: NotNegative


class Promotion(Section):
    """How a retrained bundle is compared with the champion, and when it takes its place."""

    compare_days: Count
    validation_days: Count
    max_users: Count
    min_users: Count
    margins: Margins


class Monitoring(Section):
    """How recorded events are judged, and when retraining is recommended."""

    max_visitors: Count
    window_requests: Annotated[int, Field(ge=20)]
    expected_run_time: Count
    null_windows: Annotated[int, Field(ge=1000)]
    max_windows: Annotated[int, Field(ge=2)]
    recent_windows: Count
    cool_down_requests: Annotated[int, Field(ge=0)]
    min_feedback: Count
    rmse_margin: NotNegative
    hit_rate_margin: NotNegative
    promotion: Promotion

    @model_validator(mode="after")
    def _windows_fit(self) -> "Monitoring":
        if self.expected_run_time < 2 * self.window_requests:
            raise ValueError(
                f"expected_run_time {self.expected_run_time} is not at least two windows of "
                f"{self.window_requests} requests; an alarm comes once per window at the soonest"
            )
        if self.max_windows < 2 * self.recent_windows:
            raise ValueError(
                f"max_windows {self.max_windows} is less than twice recent_windows {self.recent_windows}; "
                "the recent ones are compared with those before them"
            )
        return self

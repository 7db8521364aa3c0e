"""params.yaml, read once into one frozen, typed `Params` that refuses unknown keys.

No default is written here: what a section lacks is an error, so params.yaml is the one place to read.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from marquee.pipeline import paths
from marquee.pipeline.monitoring_params import Monitoring
from marquee.pipeline.sections import (
    Count,
    ParamsError,
    Positive,
    S,
    Section,
    Share,
    read_yaml,
    validate,
)


class Data(Section):
    """Where ratings and metadata come from."""

    source: str
    metadata: str
    feedback: str
    on_bad_rows: Literal["error", "drop"]
    rating_scale: Literal["stars", "ten", "binary", "unary"]


class Sample(Section):
    """Size and span of the embedded, simulated data set."""

    num_users: Count
    num_interactions: Count
    first_year: int
    last_year: int


class PreprocessData(Section):
    """Every choice made between raw tables and what the models read."""

    split: Literal["temporal", "user", "leave_last_out", "random"]
    validation_cutoff: float | str
    test_cutoff: float | str
    positive_rating: Annotated[float, Field(ge=0.5, le=5)]
    min_user_interactions: Count
    min_movie_interactions: Count
    min_word_count: Count
    text_dim: Annotated[int, Field(ge=0)]

    @field_validator("validation_cutoff", "test_cutoff", mode="before")
    @classmethod
    def _share_or_date(cls, value: Any) -> Any:
        if isinstance(value, date):  # YAML's own type, which it makes of a date without quotes
            raise ValueError(f'a date needs quotes: "{value.isoformat()}"')
        if isinstance(value, str):  # `splits.py` reads it
            return value
        if not isinstance(value, float) or not 0 < value < 1:
            raise ValueError(f'it is a share between 0 and 1 or a date such as "2017-01-01", not {value!r}')
        return value


class Retrieval(Section):
    """The two-tower and how it is trained; fixed knobs and searched ones together."""

    tower: Literal["history", "bingewiz"]
    history_length: Annotated[int, Field(ge=2)]  # half of it is a window's least; half of 1 is nothing
    embedding_dim: Count
    heads: Count
    blocks: Annotated[int, Field(ge=0)]
    id_dropout: Share
    cold_bonus: float
    history_dropout: Share
    positive_weight: Positive
    other_weight: Annotated[float, Field(ge=0)]
    half_life_years: Positive
    uniform_negatives: Count
    batch_size: Count
    max_windows: Count
    epochs: Count
    weight_decay: Annotated[float, Field(ge=0)]
    learning_rate: Positive
    dropout: Share

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> "Retrieval":
        if self.embedding_dim % self.heads:
            raise ValueError(
                f"embedding_dim {self.embedding_dim} is not a multiple of heads {self.heads}; change one"
            )
        return self


class Ranking(Section):
    """The DCN and how it is trained; fixed knobs and searched ones together."""

    factors: Annotated[int, Field(ge=0)]
    blocks: Annotated[int, Field(ge=2)]
    embedding_dim: Count
    cross_layers: Annotated[int, Field(ge=0)]
    projection_dim: Annotated[int, Field(ge=0)]
    deep_layers: list[Count]
    id_dropout: Share
    batch_size: Count
    epochs: Count
    weight_decay: Annotated[float, Field(ge=0)]
    learning_rate: Positive
    dropout: Share


class Pruner(Section):
    """How Optuna stops hopeless trials."""

    type: Literal["median", "none"]
    n_startup_trials: Annotated[int, Field(ge=0)]
    n_warmup_steps: Annotated[int, Field(ge=0)]


class Tune(Section):
    """A sweep: how long, how, and over what (`marquee/models/tuning/search_space.py` checks it)."""

    n_trials: Annotated[int, Field(ge=0)]
    timeout_minutes: Positive
    max_users: Count
    n_startup_trials: Annotated[int, Field(ge=0)]
    pruner: Pruner
    search: dict[str, dict[str, Any]]


class Evaluation(Section):
    """How test and validation are read, the same for every model."""

    bootstrap_samples: Count
    max_users: Count
    max_listed_users: Count
    recent_days: Count


class Neighbours(Section):
    """The item-item weights; fixed knobs and searched ones together."""

    max_movies: Count
    kept_per_movie: Count
    other_weight: Annotated[float, Field(ge=0, le=1)]
    disliked_below: Annotated[float, Field(ge=0, le=5)]
    disliked_weight: Annotated[float, Field(ge=-1, le=0)]
    regularization: Positive


class RecommenderParams(Section):
    """How a list is put together, live and offline; fixed knobs and searched ones together."""

    two_tower_quota: Annotated[int, Field(ge=100)]  # the longest list that may be asked for
    similar_quota: Annotated[int, Field(ge=0)]
    popular_quota: Annotated[int, Field(ge=0)]
    popular_days: Count
    similar_weight: Annotated[float, Field(ge=0)]
    rating_weight: Annotated[float, Field(ge=0)]
    genre_at_most: Count
    genre_among: Annotated[int, Field(ge=0)]
    below_mean: Annotated[float, Field(ge=0, le=5)]
    diversity: Annotated[float, Field(ge=0)]
    explore_share: Share
    explore_temperature: Positive


class EventsParams(Section):
    """What the service records of its answers, and how much of it is kept."""

    enabled: bool
    queue_length: Count
    segment_mb: Positive
    flush_seconds: Annotated[float, Field(gt=0, le=1)]  # docs/monitoring.md promises a second
    retention_days: Positive
    max_gb: Positive


class ChallengerParams(Section):
    """A second bundle, `models/challenger`, beside the champion."""

    mode: Literal["none", "split", "shadow"]
    share: Annotated[float, Field(ge=0, le=1)]
    experiment: Annotated[str, Field(min_length=1)]


class Serving(Section):
    """What the service takes on at once, and what it records; goes into the bundle."""

    max_body_kb: Count
    max_in_flight: Count
    deadline_seconds: Annotated[float, Field(gt=0, le=10)]  # BentoML's own timeout, in service.py, is later
    watch_seconds: Positive
    events: EventsParams
    challenger: ChallengerParams


class ExportModels(Section):
    """How much quality a smaller variant of the exported models may cost."""

    accuracy_tolerance: Share
    rmse_tolerance: Annotated[float, Field(ge=0)]


class Requirements(Section):
    """What a bundle must meet; `package_service` refuses one that does not."""

    latency_ms: Positive
    bundle_mb: Positive
    retrieval_above_popularity: float
    rmse_at_most: Positive


class Params(Section):
    """The whole of params.yaml, read once.

    `retrieval`, `ranking`, `neighbours` and `recommender` hold the fixed knobs alone: with what their sweep
    found they become `Retrieval`, `Ranking`, `Neighbours` and `RecommenderParams` (`read_best`).
    """

    seed: Annotated[int, Field(ge=0)]
    threads: Annotated[int, Field(ge=1)]
    data: Data
    sample: Sample
    preprocess_data: PreprocessData
    retrieval: dict[str, Any]
    tune_retrieval: Tune
    ranking: dict[str, Any]
    tune_ranking: Tune
    neighbours: dict[str, Any]
    tune_neighbours: Tune
    recommender: dict[str, Any]
    tune_recommender: Tune
    export_models: ExportModels
    evaluation: Evaluation
    serving: Serving
    requirements: Requirements
    monitoring: Monitoring


def read(path: Path = paths.PARAMS) -> Params:
    """Read params.yaml.

    Raises:
        ParamsError: unknown keys, missing ones and wrong types, all of them named at once.
    """
    return validate("", Params, read_yaml(path), path)


def read_best(model: type[S], path: Path) -> S:
    """Read a sweep's winner (`models/*/best_params.yaml`): every knob of the section, resolved.

    Raises:
        ParamsError: the file is missing, or holds other knobs than the section has.
    """
    if not path.exists():
        raise ParamsError(f"{path} is missing: a sweep writes it. Run `dvc repro`.")
    try:
        return validate("", model, read_yaml(path), path)
    except ParamsError as error:
        raise ParamsError(f"{error}\nA sweep writes this file: do not edit it, run `dvc repro`.") from error

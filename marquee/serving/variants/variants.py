"""The variants the models are exported as: what each weighs, what it is worth, and which one is served."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from marquee.pipeline import scores
from marquee.pipeline.files import write_text
from marquee.pipeline.params import ExportModels
from marquee.pipeline.scores import Score, counts

COMPARED = ("served", "bytes", "top_100_accuracy", "rmse")
"""What a variant is chosen by, for the metrics file; the rest is in the report."""
RMSE_DECIMALS = 4
"""Beyond them two kinds of processor differ, which sum in another order."""
EXACT = 1e-3
"""Furthest that float32 may be from float32: another order of summing, no other model."""


class VariantError(ValueError):
    """A variant is at fault, or none may be served; the message says what each one reached."""


@dataclass(frozen=True)
class Variant:
    """One way to store the models.

    Attributes:
        suffix: of the models' files; empty where a model is a folder.
        embeddings: type of the candidate embeddings that belong to it.
        served: whether the service has what runs it.
        exact: whether it computes in float32 as TensorFlow does, so that a difference is a fault.
    """

    suffix: str
    embeddings: Literal["float32", "float16"]
    served: bool
    exact: bool

    def query_tower(self, folder: Path) -> Path:
        """Its query tower in its folder."""
        return folder / f"query_tower{self.suffix}"

    def dcn(self, folder: Path) -> Path:
        """Its ranker in its folder."""
        return folder / f"dcn{self.suffix}"


VARIANTS = {
    "saved_model": Variant("", "float32", served=False, exact=True),
    "onnx": Variant(".onnx", "float32", served=False, exact=True),
    "float32": Variant(".tflite", "float32", served=True, exact=True),
    "float16": Variant(".tflite", "float16", served=True, exact=False),
    "int8": Variant(".tflite", "float16", served=True, exact=False),
}


@dataclass(frozen=True)
class Measured:
    """What a variant weighs and is worth.

    Attributes:
        query_tower_bytes: on disk.
        dcn_bytes: on disk.
        embedding_bytes: candidate embeddings of the whole catalogue, in the variant's type.
        top_100_accuracy: over positive events.
        rmse: stars.
        retrieval_score_difference: largest from TensorFlow's, over events and catalogue.
        predicted_rating_difference: largest from TensorFlow's, stars.
    """

    query_tower_bytes: int
    dcn_bytes: int
    embedding_bytes: int
    top_100_accuracy: float
    rmse: float
    retrieval_score_difference: float
    predicted_rating_difference: float

    @property
    def bytes(self) -> int:
        """All that the bundle holds of it."""
        return self.query_tower_bytes + self.dcn_bytes + self.embedding_bytes


def best_accuracy(measured: Mapping[str, Measured]) -> float:
    """The highest of all variants."""
    return max(one.top_100_accuracy for one in measured.values())


def best_rmse(measured: Mapping[str, Measured]) -> float:
    """The lowest of all variants."""
    return min(one.rmse for one in measured.values())


def choose(measured: Mapping[str, Measured], tolerance: ExportModels) -> str:
    """The smallest variant that can be served and is about as good as the best of all.

    Raises:
        VariantError: none that can be served is within the tolerance.
    """
    accuracy = best_accuracy(measured) - tolerance.accuracy_tolerance
    error = best_rmse(measured) + tolerance.rmse_tolerance
    near = {
        name: one.bytes
        for name, one in measured.items()
        if VARIANTS[name].served and one.top_100_accuracy >= accuracy and one.rmse <= error
    }
    if not near:
        reached = ", ".join(
            f"{name} {one.top_100_accuracy:.4f} and {one.rmse:.4f}" for name, one in measured.items()
        )
        raise VariantError(
            f"No variant that the service can run reaches top_100_accuracy {accuracy:.4f} and rmse "
            f"{error:.4f}: {reached}. Raise accuracy_tolerance or rmse_tolerance under export_models in "
            "params.yaml."
        )
    return min(near, key=lambda name: near[name])


def require_liked(num_events: int) -> None:
    """Check that there is something to compare variants on.

    Raises:
        VariantError: no event of a movie that was liked.
    """
    if not num_events:
        raise VariantError(
            "The validation period has no positive event to compare the variants of the exported models on. "
            "Move preprocess_data.validation_cutoff earlier, or lower positive_rating."
        )


def require_exact(measured: Mapping[str, Measured]) -> None:
    """Refuse a float32 variant that does not answer as TensorFlow does.

    Raises:
        VariantError: it is not the trained model.
    """
    for name, one in measured.items():
        for difference in (one.retrieval_score_difference, one.predicted_rating_difference):
            if VARIANTS[name].exact and not difference <= EXACT:  # NaN is no number within it either
                raise VariantError(
                    f"{name} differs from TensorFlow by {difference:g}, more than {EXACT}: the exported "
                    "model is not the trained one. Report it with the versions in requirements.lock."
                )


def at_most(difference: float) -> float:
    """A bound of a difference that any processor measures alike: the next power of ten, EXACT or more.

    Processors sum in other orders, so the last digits of a difference are their own; less than EXACT is no
    difference of the model.
    """
    if not math.isfinite(difference):
        return difference
    return max(EXACT, float(f"1e{math.ceil(math.log10(difference))}")) if difference > 0 else EXACT


def as_recorded(measured: Mapping[str, Measured]) -> dict[str, Measured]:
    """What is written and decided by: without the digits that two kinds of processor write differently."""
    return {
        name: replace(
            one,
            rmse=round(one.rmse, RMSE_DECIMALS),
            retrieval_score_difference=at_most(one.retrieval_score_difference),
            predicted_rating_difference=at_most(one.predicted_rating_difference),
        )
        for name, one in measured.items()
    }


def scores_of(measured: Mapping[str, Measured], winner: str, num_events: int) -> list[Score]:
    """Every number of every variant as a row, differences as bounds; `served` is 1 for the winner."""
    rows = [Score("events", num_events)]
    for name, one in measured.items():
        numbers = {
            "served": int(name == winner),
            "bytes": one.bytes,
            "query_tower_bytes": one.query_tower_bytes,
            "dcn_bytes": one.dcn_bytes,
            "embedding_bytes": one.embedding_bytes,
            "top_100_accuracy": one.top_100_accuracy,
            "rmse": one.rmse,
            "retrieval_score_difference_at_most": one.retrieval_score_difference,
            "predicted_rating_difference_at_most": one.predicted_rating_difference,
        }
        rows += counts(numbers, name)
    return rows


def write_numbers(
    measured: Mapping[str, Measured], winner: str, num_events: int, metrics: Path, reports: Path
) -> None:
    """Write scores.csv, every number, and the metrics file: the bytes served, and what is compared."""
    rows = scores_of(measured, winner, num_events)
    scores.write_table(rows, reports)
    compared = [row for row in rows if not row.model or row.metric in COMPARED]
    scores.write_metrics(metrics, {"value": measured[winner].bytes}, compared)


def write_report(
    measured: Mapping[str, Measured], winner: str, num_events: int, tolerance: ExportModels, folder: Path
) -> None:
    """Write variants.md, for people."""
    lines = [
        "# Variants of the exported models",
        "",
        f"Measured on {num_events:,} events of the validation period, the same for all. The models are "
        "fitted on train and validation: the figures compare the variants with each other and do not "
        "foretell quality, which `evaluate_retrieval` and `evaluate_ranking` measure.",
        "",
        "| variant | models, kB | embeddings, kB | top-100 accuracy | RMSE, stars "
        "| from TensorFlow at most: retrieval score | stars |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(_line(name, one, name == winner) for name, one in measured.items()),
        "",
        "Served is the smallest that the service's runtime (LiteRT) runs, within "
        f"{tolerance.accuracy_tolerance:g} of the best accuracy and {tolerance.rmse_tolerance:g} stars "
        "of the best RMSE. SavedModel (TensorFlow) and ONNX (ONNX Runtime, TensorRT) are for other places.",
    ]
    write_text(folder / "variants.md", "\n".join(lines) + "\n")


def _line(name: str, one: Measured, served: bool) -> str:
    models = one.query_tower_bytes + one.dcn_bytes
    return (
        f"| {f'**{name}**, served' if served else name} "
        f"| {models / 1e3:,.0f} | {one.embedding_bytes / 1e3:,.0f} "
        f"| {one.top_100_accuracy:.4f} | {one.rmse:.4f} "
        f"| {one.retrieval_score_difference:g} | {one.predicted_rating_difference:g} |"
    )

"""The variants the models are exported as: what each weighs, what it is worth, and which one is served."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from marquee.pipeline.files import write_text
from marquee.pipeline.params import ExportModels

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
    """See that there is something to compare variants on.

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


def numbers(measured: Mapping[str, Measured], winner: str, num_events: int) -> dict[str, Any]:
    """As a metrics file."""
    rows = {name: {"bytes": one.bytes} | asdict(one) for name, one in measured.items()}
    return {"winner": winner, "events": num_events, "variants": rows}


def write_report(
    measured: Mapping[str, Measured], winner: str, num_events: int, tolerance: ExportModels, folder: Path
) -> None:
    """Write variants.csv and, for people, variants.md."""
    rows = pd.DataFrame(
        {"variant": name, "served": name == winner, "bytes": one.bytes} | asdict(one)
        for name, one in measured.items()
    )
    write_text(folder / "variants.csv", rows.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    lines = [
        "# Variants of the exported models",
        "",
        f"Measured on {num_events:,} events of the validation period, the same for all. The models are "
        "fitted on train and validation: the figures compare the variants with each other and do not "
        "foretell quality, which `evaluate_retrieval` and `evaluate_ranking` measure.",
        "",
        "| variant | models, kB | embeddings, kB | top-100 accuracy | RMSE, stars "
        "| furthest from TensorFlow: retrieval score | stars |",
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
        f"| {one.retrieval_score_difference:.2g} | {one.predicted_rating_difference:.2g} |"
    )

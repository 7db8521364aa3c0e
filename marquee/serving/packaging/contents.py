"""What goes into a bundle: the parts that the stages leave, and what the service is told beside them."""

import json
from pathlib import Path

from pydantic import BaseModel

from marquee.pipeline.params import RecommenderParams, Serving
from marquee.serving.recommender import bundle_files
from marquee.serving.recommender.bundle_files import Parts
from marquee.serving.service.model_card import ModelCard


def collect(parts: Parts, recommender: RecommenderParams, serving: Serving) -> dict[str, Path | bytes]:
    """Everything the bundle holds beside its card and its manifest: name in the bundle -> file or bytes."""
    return {
        **parts.named(),
        bundle_files.RECOMMENDER: _json(recommender),
        bundle_files.SERVING: _json(serving),
    }


def of_card(card: ModelCard) -> dict[str, Path | bytes]:
    """The card as a file of the bundle."""
    return {bundle_files.MODEL_CARD: _json(card)}


def _json(value: BaseModel) -> bytes:
    return (json.dumps(value.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()

"""What a model leaves of its training beside the weights: the loss of each epoch, and the fit in numbers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marquee.pipeline import scores
from marquee.pipeline.files import write_text


def say_losses(epochs: int, log: logging.Logger) -> Callable[[int, float, object], None]:
    """What logs the mean loss of each epoch, the first being epoch 1, as `fitting.fit` reports it."""

    def say(epoch: int, loss: float, _: object) -> None:
        log.info("epoch %d of %d: loss %.4f", epoch, epochs, loss)

    return say


def write(losses: Sequence[float], model: Any, counts: Mapping[str, int], curve: Path, metrics: Path) -> None:
    """Write the losses as a table, and as JSON what the fit came to.

    Args:
        losses: mean loss of each epoch, the first being epoch 1.
        model: the Keras model that was trained.
        counts: what it was trained on, by name.
        curve: the CSV to write, columns `epoch` and `loss`.
        metrics: the JSON to write.
    """
    rows = "".join(f"{epoch},{loss:.6f}\n" for epoch, loss in enumerate(losses, start=1))
    write_text(curve, f"epoch,loss\n{rows}")
    parameters = int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
    numbers = {"epochs": len(losses), "final_loss": losses[-1], "parameters": parameters}
    scores.write_metrics(metrics, {"value": losses[-1]}, scores.counts(numbers | dict(counts)))

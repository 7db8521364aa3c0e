"""The loss of each epoch, as a table and a picture: the same for every model that trains."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from marquee.pictures import plots
from marquee.pipeline.files import write_text


def write(losses: Sequence[float], title: str, ylabel: str, folder: Path) -> None:
    """Write loss.csv and loss.png.

    Args:
        losses: mean loss of each epoch, the first being epoch 1.
        title: what is trained, and what its loss is.
        ylabel: the loss with its unit.
        folder: the stage's reports.
    """
    curve = pd.DataFrame({"epoch": range(1, len(losses) + 1), "loss": losses})
    write_text(folder / "loss.csv", curve.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    figure, (axes,) = plots.new()
    axes.plot(curve["epoch"], curve["loss"], color=plots.ACCENT, linewidth=2, marker="o")
    axes.set(title=title, xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plots.save(figure, folder / "loss.png")

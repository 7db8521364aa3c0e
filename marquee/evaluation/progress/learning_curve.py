"""The loss of each epoch as a picture: the same for every model that trains."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from marquee.pictures import plots


def read(path: Path) -> pd.DataFrame:
    """Read a `train_*` stage's table: `epoch`, from 1, and the mean `loss` of each."""
    return pd.read_csv(path)


def draw(curve: pd.DataFrame, title: str, ylabel: str, path: Path) -> None:
    """Draw a learning curve.

    Args:
        curve: `epoch` and `loss`.
        title: what is trained, and what its loss is.
        ylabel: the loss with its unit.
        path: the PNG to write.
    """
    figure, (axes,) = plots.new()
    axes.plot(curve["epoch"], curve["loss"], color=plots.ACCENT, linewidth=2, marker="o")
    axes.set(title=title, xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plots.save(figure, path)

"""What every `evaluate_*` stage writes: what is compared, every number, and the tables of curves."""

from collections.abc import Mapping, Sequence

import pandas as pd

from marquee.evaluation.measures.report import Headline
from marquee.evaluation.reporting import curves
from marquee.pipeline import paths, scores
from marquee.pipeline.scores import Score


def write(
    stage: str, measured: Sequence[Score], headline: Headline, tables: Mapping[str, pd.DataFrame]
) -> None:
    """Write metrics/<stage>.json, and in reports/<stage> scores.csv and a table for each curve.

    Args:
        stage: names the files.
        measured: every number.
        headline: which of them stand for the stage.
        tables: of `curves`, by name.
    """
    scores.write_metrics(paths.metrics(stage), headline.shown(measured), headline.compared(measured))
    scores.write_table(measured, paths.reports(stage))
    curves.write(tables, paths.reports(stage))

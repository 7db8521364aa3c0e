"""Stage `draw_training`: how the sweeps and the training went, drawn from what they report."""

from marquee.evaluation.progress import learning_curve, sweep_pictures
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "draw_training"
SWEEPS = ("tune_retrieval", "tune_ranking", "tune_neighbours", "tune_recommender")
CURVES = {
    "train_retrieval": ("Two-tower: softmax loss in training", "cross-entropy, nats"),
    "train_ranking": ("DCN: squared error in training", "stars squared"),
}
"""Title and unit of each model's loss."""


def run(params: Params, log: Log) -> None:
    """Draw every sweep and every learning curve."""
    folder = paths.reports(STAGE)
    drawn = []
    for stage in SWEEPS:
        sweep = sweep_pictures.read(paths.sweep(stage))
        history, importance = folder / f"{stage}_history.png", folder / f"{stage}_importance.png"
        drawn += sweep_pictures.draw(sweep, history, importance)
    for stage, (title, unit) in CURVES.items():
        curve = learning_curve.read(paths.losses(stage))
        path = folder / f"{stage}_loss.png"
        learning_curve.draw(curve, title, unit, path)
        drawn.append(path)
    log.info("%d pictures", len(drawn))


if __name__ == "__main__":
    run_stage(run)

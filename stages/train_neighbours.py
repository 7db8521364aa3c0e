"""Stage `train_neighbours`: item-item weights of train and validation, with the sweep's winner."""

from marquee.data.tables import interactions
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.models.neighbours import fitting, item_item
from marquee.pipeline import paths, scores
from marquee.pipeline.params import Neighbours, Params, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "train_neighbours"


def run(params: Params, log: Log) -> None:
    """Fit, then write the weights and their number."""
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION)
    neighbours = fitting.fit(fitted, read_best(Neighbours, paths.NEIGHBOURS.best_params))
    item_item.write(neighbours, paths.NEIGHBOURS.weights)
    with_neighbours = int((neighbours.start[1:] > neighbours.start[:-1]).sum())
    counts = {"movies": with_neighbours, "weights": len(neighbours.weight)}
    scores.write_metrics(paths.metrics(STAGE), {"value": len(neighbours.weight)}, scores.counts(counts))
    log.info("%d weights of %d movies", len(neighbours.weight), with_neighbours)


if __name__ == "__main__":
    run_stage(run)

"""Stage `train_neighbours`: item-item weights of train and validation, with the sweep's winner."""

import logging

from stages import params, paths
from stages.data import interactions
from stages.data.interactions import TRAIN, VALIDATION
from stages.files import write_json
from stages.neighbours import fitting, item_item
from stages.params import Neighbours
from stages.stage import run_stage

STAGE = "train_neighbours"


def run(values: Neighbours, log: logging.Logger) -> None:
    """Fit, then write the weights and their number."""
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION)
    neighbours = fitting.fit(fitted, values)
    item_item.write(neighbours, paths.NEIGHBOURS.weights)
    with_neighbours = int((neighbours.start[1:] > neighbours.start[:-1]).sum())
    write_json(paths.metrics(STAGE), {"movies": with_neighbours, "weights": len(neighbours.weight)})
    log.info("%d weights of %d movies", len(neighbours.weight), with_neighbours)


def main() -> None:
    """Run the stage as DVC does."""
    run_stage(STAGE, lambda log: run(params.load_best(Neighbours, paths.NEIGHBOURS.best_params), log))


if __name__ == "__main__":
    main()

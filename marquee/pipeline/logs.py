"""One way to log: a line at the start of a stage and one at its end, with counts."""

import logging


def get(stage: str) -> logging.Logger:
    """Set up plain logging to standard error and return the stage's logger."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    for noisy in ("absl", "tensorflow", "optuna", "matplotlib", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("tensorflow").propagate = False  # it has a handler of its own: each line came twice
    return logging.getLogger(stage)

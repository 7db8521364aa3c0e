"""A search space becomes an Optuna study that repeats itself and survives an interrupt."""

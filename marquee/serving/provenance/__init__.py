"""Where an answer came from: its bundle, its commit, and the answer itself recomputed."""

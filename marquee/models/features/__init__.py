"""As-of features, numpy alone: one code for training, evaluation and the service."""

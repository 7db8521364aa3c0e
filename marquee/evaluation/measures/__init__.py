"""Events, ranks, metrics and intervals: what tuning and training read."""

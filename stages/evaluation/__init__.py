"""The protocol: events, metrics, baselines and intervals."""

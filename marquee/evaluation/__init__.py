"""The protocol: events, metrics and intervals, and how they are shown."""

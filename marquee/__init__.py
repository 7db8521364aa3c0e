"""Marquee's library: rooms that the stages call, left to right as the data flows (docs/architecture.md)."""

from marquee.pipeline import environment as _environment  # noqa: F401  before anything imports numpy or TensorFlow

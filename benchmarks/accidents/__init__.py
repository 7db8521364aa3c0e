"""Accidents that happen to a run of the pipeline, and what they leave."""

"""Segments of recorded events into tables."""

"""Trained models as files for a plain CPU, and the index of the whole catalogue."""

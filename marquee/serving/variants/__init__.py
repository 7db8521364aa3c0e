"""Smaller variants of the exported models, their quality, and which one is served."""

"""Drift, performance, estimates: what the evidence says, with its uncertainty."""

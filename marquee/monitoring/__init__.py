"""Recorded events judged: tables of them, drift, performance, and whether to retrain."""

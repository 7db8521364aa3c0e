"""Asks the recommender the events of a period."""

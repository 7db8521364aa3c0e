"""People of the sample, replayed day by day against the recommender, in worlds that change."""

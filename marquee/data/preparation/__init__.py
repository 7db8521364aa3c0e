"""Split in time, and the catalogue as numbers."""

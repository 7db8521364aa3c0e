"""Two bundles side by side: what visitors did with each, and whether the difference is more than chance."""

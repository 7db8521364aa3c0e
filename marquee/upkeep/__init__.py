"""Looking after a clone: whether it can work, and whether it gives the bytes that were committed."""

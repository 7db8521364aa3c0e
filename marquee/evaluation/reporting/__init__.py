"""Pictures, curves and lists: what only the evaluate stages write."""

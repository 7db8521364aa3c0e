"""From a source of ratings to validated, split tables."""

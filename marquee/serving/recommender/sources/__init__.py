"""Where candidates come from: one registry, and a module for how each source scores the catalogue."""

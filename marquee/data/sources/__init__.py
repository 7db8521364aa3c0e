"""Where ratings and metadata come from, read into one schema."""

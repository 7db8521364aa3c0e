"""What the service sees in production, recorded as data."""

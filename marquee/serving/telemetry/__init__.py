"""What the service tells of itself: events of every answer, and series for Prometheus."""

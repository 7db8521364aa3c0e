"""The BentoML service: routes, schemas, limits, traffic, the page."""

"""What the service records of its answers: the schema, and the files. Knows nothing of the service."""

"""What `soak` is made of: visitors, faults, and what was promised."""

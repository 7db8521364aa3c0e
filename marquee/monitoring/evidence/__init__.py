"""What is known of the requests that were recorded, and of those the bundle was evaluated on."""

"""The models: what they read, how they are fitted, what they are compared with."""

"""What an engineer wants to know of the data before modelling it."""

"""The embedded data set: real films, simulated people, and the oracle that knows them."""

"""The tables that flow between all rooms."""

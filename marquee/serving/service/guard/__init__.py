"""What stands between strangers and the answers: connections, headers, a token, limits, bodies."""

"""Sources, filter, ranking and order on one bundle: the one inference path."""

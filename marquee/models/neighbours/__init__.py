"""The item-item source: which movies people watch together, as sparse weights between movies."""

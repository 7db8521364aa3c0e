"""What every model is compared with."""

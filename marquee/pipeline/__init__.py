"""What every stage shares: parameters, paths, files, number types, plots, logs."""

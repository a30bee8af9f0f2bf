"""Datasets: the registry, layouts on disk, fetching and checking."""

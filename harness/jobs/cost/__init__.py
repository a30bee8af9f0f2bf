"""Cost jobs: parameters and MACs."""

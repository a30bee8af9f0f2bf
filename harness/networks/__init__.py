"""Networks as files and as modules: weights, loading, export, cards."""

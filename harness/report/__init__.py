"""The comparison report, rendered from records alone; nothing here imports torch."""

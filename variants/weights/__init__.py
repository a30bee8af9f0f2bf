"""Weights: the shipped ones with their manifest, checkpoint files, importers of foreign formats."""

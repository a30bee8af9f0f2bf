"""Training: recipes, patches, the loop."""

"""What is computed of an image pair, and by which conventions."""

"""Upscale pictures of any size: tiles, colour, alpha, metadata."""

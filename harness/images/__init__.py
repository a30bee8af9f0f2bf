"""Pixels: decoding, colour, MATLAB's imresize."""

SUFFIXES = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""Of the image formats that are read, in lower case."""

"""Pixels: decoding, colour, MATLAB's imresize."""

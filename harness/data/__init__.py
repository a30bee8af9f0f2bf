"""Datasets, decoding, MATLAB's imresize, colour."""

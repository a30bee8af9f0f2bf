"""Latency jobs: networks timed in turns."""

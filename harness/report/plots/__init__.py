"""Plots as SVG text: deterministic, themeable, with every label's place its own."""

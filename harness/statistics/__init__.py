"""Bootstrap, paired tests and comparisons by rounds: arrays in, figures out."""

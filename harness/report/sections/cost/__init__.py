"""A section of the report."""

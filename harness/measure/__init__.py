"""Pure measurements: each takes a module or arrays and returns figures."""

BUSY_PERCENT = 20
"""Share of the processors used by others above which a latency is not to be trusted."""

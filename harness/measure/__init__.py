"""Pure measurements: each takes a module or arrays and returns figures."""

"""Cost jobs: parameters and MACs."""

COST_FIGURES = (
    "params",
    "upsampler_params",
    "weight_bytes",
    "macs",
    "flops",
    "activations",
    "peak_memory_bytes",
)
"""Keys of a cost record that tables, reports and gates show."""

"""Latency jobs."""

import os
from typing import Any

import torch

from harness.jobs import Job
from harness.measure.latency import LatencyOptions, make_timer, measure_latency
from harness.stages.networks import load_network


def run(job: Job) -> dict[str, Any]:
    """Latency of a forward pass on random luma; on a GPU its peak memory, too."""
    spec = job.spec
    device = spec["device"]
    threads = torch.get_num_threads()
    torch.set_num_threads(spec["threads"])
    try:
        model = load_network(spec, None, device)
        shape = (spec["batch"], 1, spec["lr_height"], spec["lr_width"])
        generator = torch.Generator().manual_seed(0)
        source = torch.rand(shape, generator=generator).to(device)
        source = source.to(memory_format=torch.channels_last)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        with torch.inference_mode():
            figures = measure_latency(
                lambda: model(source), make_timer(device), LatencyOptions(**spec["options"])
            )
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
                model(source)
                torch.cuda.synchronize()
                figures["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    finally:
        torch.set_num_threads(threads)
    return {**figures, "load_1min": load, "tf32": torch.backends.cudnn.allow_tf32}

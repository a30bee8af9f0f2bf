"""Costs of another program's network, as somebody tells them: filed with their source."""

from harness.jobs.base import Record
from harness.jobs.cost.kind import KIND
from harness.jobs.cost.models import CostResult
from harness.jobs.execute import Ending, Stopwatch, finished


def told_cost(
    name: str,
    scale: int,
    params: int,
    macs: int,
    hr_size: tuple[int, int],
    source: str,
    ms: float | None = None,
) -> Record:
    """The record of a cost job that nobody executed.

    Args:
        name: what :func:`harness.jobs.quality.external.score_folder` calls the program.
        scale: what its images were upscaled by.
        params: its parameters.
        macs: multiply-accumulates of one forward pass.
        hr_size: width and height of the output, in pixels, that they are of.
        source: who tells: the report prints it beside the figures.
        ms: milliseconds of that forward pass, wherever the source measured it.
    """
    spec = {
        "variant": {"name": name, "label": name, "architecture": {"external": True}},
        "scale": scale,
        "weights": {"label": "external", "sha256": None, "origin": source},
        "dtype": "uint8",
        "backend": "files",
        "hr_width": hr_size[0],
        "hr_height": hr_size[1],
    }
    result = CostResult(params=params, macs=macs, told_by=source, told_ms=ms)
    return finished(KIND.job(spec), Stopwatch(), Ending("done", result=result))

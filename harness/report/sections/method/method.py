"""How it was measured: protocol, environment, timings, as pairs of a term and its meaning."""

from collections.abc import Mapping
from typing import Any

from harness.report import paper
from harness.report.data import ReportData
from harness.report.text import joined, number
from harness.statistics.bootstrap import LEVEL, RESAMPLES
from harness.statistics.paired import ALPHA, MIN_IMAGES

Pairs = list[tuple[str, str]]

_READING = (
    "The paper says neither how often the block of MS-LapSRN recurs nor whether an upsampler that "
    "shares its weights keeps a bias. Here the block recurs twice (D5R2), and the bias is the "
    "upsampler's own."
)


def how_measured(data: ReportData, baseline: str) -> Pairs:
    """What a reader needs to repeat or to doubt the figures; see also :func:`environment`."""
    pairs: Pairs = []
    if command := data.run.get("command"):
        pairs.append(("Command", plain(command)))
    if any(row.is_tied for row in data.rows):
        pairs.append(("Our reading of the paper", _READING))
    summary = f": {data.protocol_summary}" if data.protocol_summary else ""
    pairs.append(("Protocol", f"{data.protocol}{summary}"))
    pairs.append(
        (
            "Intervals",
            (
                f"{LEVEL:.0%} bootstrap (BCa, {RESAMPLES:,} resamples) over a dataset's images. "
                "They say how the mean would move with other images of the same kind, not with "
                "another training."
            ),
        )
    )
    pairs.append(
        (
            "Verdicts",
            (
                f"Against {baseline}, image by image: a Wilcoxon signed-rank test, Holm-corrected "
                f"over the rows of one scale and dataset. Better or worse: a corrected p under "
                f"{ALPHA} with an interval of the mean difference on the same side of zero, and at "
                f"least {MIN_IMAGES} images; otherwise no difference is shown, which does not mean "
                "that there is none."
            ),
        )
    )
    tolerances = [
        f"within {metric.tolerance:g}{f' {metric.unit}' if metric.unit else ''} of the paper's "
        f"{metric.label}"
        for metric in paper.METRICS.values()
    ]
    reproduced = f"{joined(tolerances)}; above and below lie outside."
    pairs.append(("Reproduced", reproduced[0].upper() + reproduced[1:]))
    pairs += _costs(data)
    return pairs


def environment(data: ReportData) -> Pairs:
    """Machine, versions, commit and times."""
    return [*_time_in_network(data), *_gpu(data), *_environment(data.run)]


def _costs(data: ReportData) -> Pairs:
    if not data.cost:
        return []
    sizes = sorted({f"{c.spec.hr_width}\u00d7{c.spec.hr_height}" for c in data.cost.values()})
    text = f"At an HR output of {joined(sizes)} pixels; a shared weight counts once in the "
    text += "parameters and each time in the MACs; FLOPs are twice the MACs."
    return [("Cost", text)]


def _time_in_network(data: ReportData) -> Pairs:
    network = total = 0.0
    for cell in data.quality.values():
        result = cell.result if cell.row.has_network else None
        if result and result.network_seconds and result.total_seconds:
            network += result.network_seconds
            total += result.total_seconds
    if not total:
        return []
    text = f"{number(network, 0)} of the evaluation's {number(total, 0)} s."
    return [("Time in networks", text)]


_GPU = {"tf32": "TF32", "cudnn_benchmark": "cuDNN autotune", "clocks": "GPU clocks"}


def _gpu(data: ReportData) -> Pairs:
    """What latency was measured with on a GPU, where the records say it."""
    pairs: Pairs = []
    for key, term in _GPU.items():
        found = [getattr(c.result, key, None) for c in data.latency if c.spec.device != "cpu"]
        if words := dict.fromkeys(plain(value) for value in found if value not in (None, {})):
            pairs.append((term, "; ".join(words)))
    return pairs


_ENVIRONMENT = {
    "platform": "System",
    "cpu": "CPU",
    "usable_cpus": "Cores used at most",
    "device": "Device",
    "device_name": "Device name",
}


def _environment(run: Mapping[str, Any]) -> Pairs:
    pairs: Pairs = []
    environment = run.get("environment")
    environment = environment if isinstance(environment, Mapping) else {}
    for key, term in _ENVIRONMENT.items():
        if environment.get(key) not in (None, "", [], {}):
            pairs.append((term, plain(environment[key])))
    versions = environment.get("versions")
    if isinstance(versions, Mapping) and versions:
        pairs.append(("Versions", plain(versions)))
    for key, term in (("git_commit", "Commit"), ("seeds", "Seeds")):
        if run.get(key) not in (None, "", [], {}):
            pairs.append((term, plain(run[key])))
    timings = run.get("timings")
    if isinstance(timings, Mapping) and timings:
        pairs.append(("Timings", plain(timings)))
    return pairs


def plain(value: Any) -> str:
    """JSON data in words."""
    if isinstance(value, Mapping):
        words = {str(key).replace("_", " "): item for key, item in value.items()}
        return ", ".join(f"{key} {plain(item)}" for key, item in words.items() if item is not None)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

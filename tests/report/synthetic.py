"""Records that no network has produced: deterministic, of the layout that runs write."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from harness.jobs.base import Record, Status
from harness.jobs.kinds import kinds
from harness.jobs.latency.kind import KIND as LATENCY
from harness.jobs.specs import Result
from harness.metrics.protocol import PROTOCOLS
from harness.report.paper import paper_table
from harness.report.rows import Latency

SIZES = {"Set5": 5, "Set14": 14, "BSDS100": 100, "Urban100": 100, "embedded": 10}
PAPER_ROWS = {
    "bicubic": "Bicubic",
    "lapsrn": "LapSRN",
    "ms-lapsrn": "MS-LapSRN",
    "cms-lapsrn-conv1": "CMS-LapSRN (1st Conv)",
    "cms-lapsrn-conv3": "CMS-LapSRN (3rd Conv)",
    "cms-lapsrn-conv5": "CMS-LapSRN (5th Conv)",
}
LABELS = {
    **PAPER_ROWS,
    "ms-lapsrn-d5r5": "MS-LapSRN D5R5",
    "ms-lapsrn-d5r8": "MS-LapSRN D5R8",
    "cms-lapsrn-conv2": "CMS-LapSRN (2nd Conv)",
    "cms-lapsrn-conv4": "CMS-LapSRN (4th Conv)",
}
STARTED = "2026-01-01T00:00:00+00:00"


def variant(name: str, label: str | None = None) -> dict[str, Any]:
    """A variant as specs hold it."""
    options: dict[str, Any] = {}
    upsampler: str | None = "transposed"
    if "-conv" in name:
        upsampler, options = "tied", {"conv": int(name.rsplit("conv", 1)[1]), "bias": "own"}
    if name == "bicubic":
        upsampler = None
    return {
        "name": name,
        "label": label or LABELS.get(name, name),
        "paper_row": PAPER_ROWS.get(name),
        "architecture": {
            "backbone": "ms-lapsrn",
            "backbone_options": {},
            "upsampler": upsampler,
            "upsampler_options": options,
            "crop": "last",
        },
    }


def weights(name: str, label: str | None = None) -> dict[str, Any]:
    """Weights as specs hold them."""
    label = label or ("none" if name == "bicubic" else "shipped")
    return {"label": label, "sha256": None if label == "none" else "0" * 64, "origin": "made up"}


def record(
    kind: str,
    spec: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    status: Status = "done",
    reason: str | None = None,
) -> Record:
    """A record with the id that a run would give it."""
    declared, done = kinds()[kind], status == "done"
    job = declared.job({"algorithm": 1, **spec})
    figures: Result | None = None
    if done:
        try:
            figures = declared.result.model_validate(result)
        except ValidationError:  # As a damaged file holds it, which is refused when it is read.
            figures = Result.model_validate(result)
    return Record(
        id=job.id,
        kind=kind,
        spec=job.spec,
        status=status,
        reason=reason,
        result=figures,
        started=STARTED,
        seconds=1.0,
        environment={},
        left={} if done else result,
    )


def changed(
    known: Record, spec: Mapping[str, Any] | None = None, result: Mapping[str, Any] | None = None
) -> Record:
    """A record with other values in its spec, and so another id, or in its result."""
    stored = known.as_dict()
    return record(known.kind, stored["spec"] | (spec or {}), stored["result"] | (result or {}))


def latency_cell(
    known: Record[Any, Any],
    spec: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
) -> Latency:
    """A latency record as a cell of the report, with other values."""
    (cell,) = map(Latency, LATENCY.records([changed(known, spec, result)]))
    return cell


def quality(
    name: str,
    scale: int,
    dataset: str,
    psnr: Sequence[float],
    ssim: Sequence[float] | None = None,
    *,
    label: str | None = None,
    weights_label: str | None = None,
    images: Sequence[str] | None = None,
    protocol: str = "matlab_y",
    dtype: str = "float32",
    backend: str = "eager",
    origin: str = "made up",
    training: Mapping[str, Any] | None = None,
    sha256: str | None = None,
    **outcome: Any,
) -> Record:
    """A quality record with the given values per image."""
    ssim = ssim if ssim is not None else [0.9] * len(psnr)
    images = images or [f"img_{i:03d}.png" for i in range(1, len(psnr) + 1)]
    spec = {
        "variant": variant(name, label),
        "scale": scale,
        "weights": {
            **weights(name, weights_label),
            "origin": origin,
            **({} if sha256 is None else {"sha256": sha256}),
        },
        "dataset": {"name": dataset, "n_images": len(psnr), "sha256": f"{dataset}-{len(psnr)}"},
        "protocol": PROTOCOLS[protocol].as_dict(),
        "dtype": dtype,
        "backend": backend,
    }
    rows = [
        {
            "image": image,
            "hr_height": 320,
            "hr_width": 480,
            "psnr_y": float(p),
            "ssim_y": float(s),
            "network_seconds": 0.1,
        }
        for image, p, s in zip(images, psnr, ssim, strict=True)
    ]
    result = {
        "psnr_y": _mean(psnr),
        "ssim_y": _mean(ssim),
        "n_images": len(rows),
        "network_seconds": 0.1 * len(rows),
        "total_seconds": 0.12 * len(rows),
        "images": rows,
    }
    if training is not None:
        result["training"] = dict(training)
    if outcome.get("status", "done") != "done":
        result = {}
    return record("quality", spec, result, **outcome)


TRAINED: Mapping[str, Any] = {
    "recipe": "fast",
    "steps": 9000,
    "seed": 0,
    "training_set": "T91",
    "init": "from scratch",
}
"""A training as weights tell it."""


def external(name: str, scale: int, dataset: str, psnr: Sequence[float]) -> Record:
    """A record as ``harness score`` writes it: images of another program."""
    found = quality(name, scale, dataset, psnr, dtype="uint8", backend="files", label=name)
    variant = {"architecture": {"external": True, "sha256": "1"}, "paper_row": None}
    spec = {
        "variant": {**found.spec.variant.stored(), **variant},
        "weights": {"label": "external", "sha256": None, "origin": "images"},
    }
    return changed(found, spec)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def cost(name: str, scale: int, params: int, macs: float, **outcome: Any) -> Record:
    """A cost record whose counters disagree the way real ones do."""
    upsampler = 64 if "-conv" in name else 36_928
    result = {
        "params": params,
        "upsampler_params": upsampler if params else 0,
        "weight_bytes": 4 * params,
        "macs": macs,
        "flops": 2 * macs,
        "activations": macs / 600,
        "peak_memory_bytes": int(macs / 200),
        "peak_memory_method": "summed live tensors of a forward pass",
        "lr_height": 720 // scale,
        "lr_width": 1280 // scale,
        "counters": [
            {"name": "closed_form", "version": "1", "macs": macs, "difference": 0, "note": ""},
            {"name": "fvcore", "version": "0.1.5", "macs": macs, "difference": 0, "note": ""},
            {
                "name": "ptflops_aten",
                "version": "0.7.5",
                "macs": macs * 1.0022,
                "difference": macs * 0.0022,
                "note": "adds one operation per output element of each biased convolution",
            },
        ],
        "modules": [
            {
                "name": module,
                "type": "Conv2d",
                "params": int(params * share),
                "macs": macs * share,
                "activations": macs * share / 600,
            }
            for module, share in (("conv_in", 0.01), ("block", 0.8), ("upsample", 0.19))
        ],
    }
    spec = {
        "variant": variant(name),
        "scale": scale,
        "weights": weights(name),
        "hr_height": 720,
        "hr_width": 1280,
        "versions": {},
    }
    done = outcome.get("status", "done") == "done"
    return record("cost", spec, result if done else {}, **outcome)


def latency(
    name: str,
    scale: int,
    median: float,
    *,
    noisy: bool = False,
    way: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
    **outcome: Any,
) -> Record:
    """A latency record with samples around a median, in turns with the others of its scale.

    Args:
        name: of the variant.
        scale: of the network.
        median: ms.
        noisy: whether it is marked so.
        way: keys of the spec that differ: dtype, backend, memory_format, device.
        more: keys of the result that differ; None leaves one out.
        outcome: status and reason.
    """
    rng = np.random.default_rng(hash_of(name + "".join((way or {}).values())) + scale)
    samples = median * (1 + 0.02 * rng.standard_normal(40))
    quantiles = np.percentile(samples, [5, 25, 50, 75, 95])
    result = {
        "samples_ms": samples.tolist(),
        "first_call_ms": 3 * median,
        "n": len(samples),
        "median_ms": quantiles[2],
        "iqr_ms": quantiles[3] - quantiles[1],
        "p5_ms": quantiles[0],
        "p95_ms": quantiles[4],
        "min_ms": samples.min(),
        "noisy": noisy,
        "warmup_n": 3,
        "load_1min": 0.5,
        "rounds": list(range(len(samples))),
        "group": f"{scale:08x}",
        "busy_percent": 3.0,
        "warmup_stable": True,
        "gflops": 1200 / median,
        "reference": {
            "dtype": "float32",
            "conv_gflops": 150.0,
            "gemm_gflops": 160.0,
            "gflops": 160.0,
        },
        "share_of_reference": 1200 / median / 160,
        **(more or {}),
    }
    result = {key: value for key, value in result.items() if value is not None}
    spec = {
        "variant": variant(name),
        "scale": scale,
        "weights": weights(name),
        "device": "cpu",
        "device_name": "Imaginary CPU",
        "dtype": "float32",
        "threads": 2,
        "batch": 1,
        "lr_height": 64,
        "lr_width": 64,
        "versions": {},
        "backend": "eager",
        "memory_format": "channels_last",
        **(way or {}),
    }
    done = outcome.get("status", "done") == "done"
    return record("latency", spec, result if done else {}, **outcome)


def pictures(
    folder: Path,
    name: str,
    scale: int,
    dataset: str,
    images: Sequence[str],
    *,
    size: int = 96,
    why: str = "fixed",
    label: str | None = None,
) -> Record:
    """A pictures record and its files: blurred by how far the variant is down the list."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    crops = []
    for number, image in enumerate(images):
        rng = np.random.default_rng(hash_of(dataset + image))
        smooth = gaussian_filter(rng.random((size, size, 3)), (1, 1, 0))
        hr = (smooth - smooth.min()) / np.ptp(smooth)
        place = list(LABELS).index(name) if name in LABELS else 3
        sr = gaussian_filter(hr, ((0.4 + 0.1 * (10 - place)),) * 2 + (0,))
        files = {}
        error = np.clip(np.abs(sr - hr).mean(axis=2) / 0.25, 0, 1)
        stem = f"{hash_of(dataset + image)}-{scale}"
        for kind, pixels in (("hr", hr), ("sr", sr), ("error", error)):
            own = "" if kind == "hr" else f"-{hash_of(name)}"
            files[kind] = f"pictures/{stem}{own}-{kind}.png"
            Image.fromarray((255 * pixels).round().astype(np.uint8)).save(folder / files[kind])
        crops.append(
            {
                "image": image,
                "why": why if number else "fixed",
                "box": [32, 64, size, size],
                "psnr_y": 30.0 + number + 0.01 * place,
                "files": files,
                "error_max": 0.25,
            }
        )
    spec = {
        "variant": variant(name, label),
        "scale": scale,
        "weights": weights(name),
        "dataset": {"name": dataset, "n_images": len(images), "sha256": f"{dataset}-x"},
        "protocol": PROTOCOLS["matlab_y"].as_dict(),
        "dtype": "float32",
    }
    return record("pictures", spec, {"crops": crops})


def hash_of(text: str) -> int:
    """The same on every machine, unlike Python's."""
    return sum(ord(c) * 31**i for i, c in enumerate(text)) % 2**31


def write_run(
    folder: Path, records: Iterable[Record], run: Mapping[str, Any] | None = None
) -> Path:
    """A results folder as a run leaves it."""
    jobs = folder / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    for item in records:
        (jobs / f"{item.id}.json").write_text(json.dumps(item.as_dict()), "utf-8")
    (folder / "run.json").write_text(json.dumps(run or {}), "utf-8")
    return folder


PARAMS = {"lapsrn": {2: 407_441, 4: 814_242, 8: 667_123}}
MACS = {2: 95e9, 4: 117.4865e9, 8: 123e9}


def full_run(
    names: Sequence[str] = tuple(LABELS),
    scales: Sequence[int] = (2, 4, 8),
    sizes: Mapping[str, int] = SIZES,
) -> list[Record]:
    """Ten variants over three scales and five datasets, near the paper's figures."""
    records = []
    for number, name in enumerate(names):
        for scale in scales:
            for dataset, n in sizes.items():
                records.append(_cell(name, number, scale, dataset, n))
            if name != "bicubic":
                params = 185_937 if "-conv" in name else 222_801
                params = PARAMS.get(name, {}).get(scale, params)
                factor = 1 + 0.9 * ("r5" in name) + 1.8 * ("r8" in name)
                records.append(cost(name, scale, params, MACS[scale] * factor))
            else:
                records.append(cost(name, scale, 0, 0.0))
            records.append(latency(name, scale, 10.0 + 3 * number + scale, noisy=number == 4))
    return records


def all_pictures(folder: Path, dataset: str = "embedded") -> list[Record]:
    """Two crops per scale of one dataset, by every variant."""
    images = ["img_001.png", "img_002.png"]
    return [
        pictures(folder, name, scale, dataset, images, why="largest difference")
        for name in LABELS
        for scale in (2, 4, 8)
    ]


def manifest() -> tuple[dict[str, Any], ...]:
    """The shipped weights' manifest, where each network is that of the synthetic records."""
    return tuple(
        {
            "variant": name,
            "sha256": "0" * 64,
            "training": {
                "validation": [
                    {
                        "step": 100 * step,
                        **{
                            f"psnr_{scale}x": 36
                            - 2.5 * math.log2(scale)
                            - 3 * math.exp(-step / (5 + number))
                            for scale in (2, 4, 8)
                        },
                    }
                    for step in range(1, 40)
                ]
            },
        }
        for number, name in enumerate(n for n in LABELS if n != "bicubic")
    )


def _cell(name: str, number: int, scale: int, dataset: str, n: int) -> Record:
    base = np.random.default_rng(hash_of(dataset) + scale)
    difficulty = base.normal(0, 3, n)
    own = np.random.default_rng(hash_of(name + dataset) + scale)
    paper = paper_table().get((PAPER_ROWS.get(name, "MS-LapSRN"), scale, dataset))
    centre = paper.psnr_y if paper else 34 - 2.2 * np.log2(scale) * 1.6 - (name == "bicubic") * 2
    gain = own.normal(0.004 * (number - 3) * (name != "bicubic"), 0.05, n)
    if name == "bicubic":
        gain = own.normal(0, 0.4, n)
        gain -= gain.mean()
    psnr = centre + difficulty - difficulty.mean() + gain
    ssim = np.clip(
        (paper.ssim_y if paper else 0.85) + 0.01 * (difficulty - difficulty.mean()), 0, 1
    )
    return quality(name, scale, dataset, psnr.tolist(), ssim.tolist())


RUN: dict[str, Any] = {
    "environment": {
        "platform": "Linux",
        "cpu": "Imaginary CPU",
        "usable_cpus": 2,
        "device": "cpu",
        "device_name": "Imaginary CPU",
        "versions": {"python": "3.11.0", "numpy": "2.0", "torch": "2.5.0"},
    },
    "git_commit": "0" * 40,
    "seeds": {"numpy": 0},
    "timings": {"quality": 12.3},
    "datasets": [
        {"name": "Set5", "status": "found"},
        {"name": "Manga109", "status": "not found", "reason": "Manga109 is not on this machine"},
    ],
}

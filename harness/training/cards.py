"""Model cards: what a variant is and what its shipped weights came from. Imports no torch."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from harness.data.datasets import get_info
from harness.metrics.registry import told
from harness.system.text import clean
from variants.catalog import Variant, get_variant
from variants.errors import UnknownNameError
from variants.weights.store import ShippedWeights, shipped_weights

UNKNOWN = "not recorded"
_OPTION_NAMES = {"width": "feature width", "recursions": "recursions", "conv": "shared conv"}


def render_card(name: str, results: Path | None = None) -> str:
    """The card of a variant, in Markdown, from the catalog and the manifest of shipped weights.

    Args:
        name: of the variant.
        results: a results folder, for figures on test sets; only records of the very files that
            ship are taken.

    Raises:
        UnknownNameError: no such variant.
    """
    variant = get_variant(name)
    shipped = [entry for entry in shipped_weights() if entry.variant == variant.name]
    shipped.sort(key=lambda entry: entry.scales)
    # Markdown, not HTML: nothing to escape.
    environment = Environment(  # noqa: S701
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(
        files("harness.training").joinpath("card.md.j2").read_text("utf-8")
    )
    counts = {str(entry.training.get("training_images", "its")) for entry in shipped}
    return template.render(
        variant=variant,
        architecture=_architecture(variant),
        weights=[_weights(entry) for entry in shipped],
        metrics=told([]).values(),
        figures=[] if results is None else _figures(variant, shipped, results),
        terms=_terms(shipped),
        n_training_images=" or ".join(sorted(counts)),
    )


def _figures(
    variant: Variant, shipped: Iterable[ShippedWeights], results: Path
) -> list[dict[str, Any]]:
    from harness.jobs.quality.kind import KIND as QUALITY
    from harness.jobs.store import ResultsFolder

    digests = {entry.sha256 for entry in shipped}
    folder, rows = ResultsFolder(results), []
    for record in QUALITY.records(folder.current(folder.read().values())):
        spec, result = record.spec, record.result
        if result is None:
            continue
        if spec.variant.name == variant.name and spec.weights.sha256 in digests:
            rows.append(
                {
                    "dataset": _cell(spec.dataset.name),
                    "scale": spec.scale,
                    "protocol": _cell(spec.protocol.name),
                    "n_images": result.n_images,
                    "means": [m.short(result.scores.get(m.key)) for m in told([]).values()],
                }
            )
    return sorted(rows, key=lambda row: (row["protocol"], row["dataset"], row["scale"]))


def _architecture(variant: Variant) -> str:
    if not variant.has_network:
        return "Bicubic interpolation: the baseline, without a network."
    if variant.brings_weights:
        return "A network from outside, with weights of its own."
    options = {**variant.backbone_options, **variant.upsampler_options}
    described = ", ".join(f"{_OPTION_NAMES.get(k, k)} {_value(v)}" for k, v in options.items())
    return f"Backbone {variant.backbone} with the {variant.upsampler} upsampler: {described}."


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return " / ".join(f"{v} at {k}x" for k, v in value.items())
    return str(value)


def _weights(entry: ShippedWeights) -> dict[str, Any]:
    training = entry.training
    curve = training.get("validation", [])
    scales = [scale for scale in (2, 4, 8) if any(f"psnr_{scale}x" in point for point in curve)]
    return {
        "scales": ", ".join(f"{scale}x" for scale in entry.scales),
        "file": entry.file,
        "bytes": f"{entry.path.stat().st_size:,}" if entry.path.is_file() else "",
        "sha256": entry.sha256,
        "training_set": _training_set(training),
        "recipe": _recipe(training),
        "init": training.get("init", UNKNOWN),
        "teacher": _teacher(training),
        "effort": _effort(training),
        "software": _pairs(training.get("software", {})) or UNKNOWN,
        "commit": f"commit {training['git_commit']}" if training.get("git_commit") else UNKNOWN,
        "validation_scales": scales,
        "n_validation": len(training.get("validation_images", ())) or "the",
        "validation": [
            {"step": point.get("step", "?"), **{s: _decibels(point, s) for s in scales}}
            for point in curve
        ],
    }


def _training_set(training: Mapping[str, Any]) -> str:
    name = training.get("training_set", UNKNOWN)
    n_images, held_out = training.get("training_images"), training.get("validation_images", ())
    if n_images is None:
        return str(name)
    return f"{name}: {n_images} images, {len(held_out)} more held out for validation"


def _recipe(training: Mapping[str, Any]) -> str:
    settings = training.get("settings", {})
    optimizer, schedule = settings.get("optimizer", {}), settings.get("schedule", {})
    parts = [str(training.get("recipe", UNKNOWN))]
    if optimizer:
        parts.append(f"{optimizer.get('kind')} at a rate of {optimizer.get('lr')}")
    if schedule:
        parts.append(f"{schedule.get('kind')} schedule")
    for scale, batch in settings.get("batches", {}).items():
        parts.append(f"{scale}x: {batch.get('images')} patches of {batch.get('patch')} pixels")
    return "; ".join(parts)


def _teacher(training: Mapping[str, Any]) -> str:
    """Whom it learnt from; empty where nobody taught it."""
    teacher = training.get("teacher")
    if not isinstance(teacher, Mapping):
        return ""
    digests = ", ".join(str(digest)[:8] for digest in teacher.get("sha256", ()))
    of = f" (SHA-256 {digests})" if digests else ""
    return f"{teacher.get('variant', UNKNOWN)}{of}, weighted {teacher.get('weight', '?')}"


def _effort(training: Mapping[str, Any]) -> str:
    parts = []
    if "steps" in training:
        parts.append(f"{training['steps']:,} steps")
    if "wall_time_s" in training:
        parts.append(f"{training['wall_time_s'] / 60:.0f} minutes")
    if "seed" in training:
        parts.append(f"seed {training['seed']}")
    for stage in reversed(training.get("earlier", ())):
        parts.append(f"after {stage.get('steps', '?')} steps of {stage.get('recipe', UNKNOWN)}")
    return ", ".join(parts) or UNKNOWN


def _decibels(point: Mapping[str, Any], scale: int) -> str:
    value = point.get(f"psnr_{scale}x")
    return "" if value is None else f"{value:.2f}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', '-')} {value}" for key, value in values.items())


def _terms(shipped: Iterable[ShippedWeights]) -> list[str]:
    sets = {
        name.strip()
        for entry in shipped
        for name in str(entry.training.get("training_set", "")).split("+")
        if name.strip()
    }
    return [f"{name}: {_terms_of(name)}" for name in sorted(sets)] or [UNKNOWN]


def _terms_of(name: str) -> str:
    try:
        return get_info(name).terms
    except UnknownNameError:
        return UNKNOWN


def _cell(text: object) -> str:
    """Text from a record in a table that is mostly read on a terminal."""
    return clean(text).replace("|", "&#124;").replace("<", "&lt;")

"""Measure variants and render the comparison report.

Every variant is measured at every scale and on every dataset, unless options select some. An
interrupted run goes on where it stopped when the same command is given again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.backends import DEFAULT_BACKEND, DTYPES, list_backends
from harness.commands._options import catalog_option, data_root_option
from harness.jobs.kinds import kind_names

LATENCY_AXES = ("batch", "lr_sizes", "threads", "memory_formats")
"""Options that belong to the configuration's part ``latency``."""


def _words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(word.strip().rstrip("x")) for word in value.split(",") if word.strip())
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of whole numbers such as 2,4,8") from None


def _folders(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path] | None:
    folders = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise click.BadParameter(f"{value!r} is not NAME=DIR")
        if name in folders:
            raise click.BadParameter(f"{name!r} is named twice; each dataset needs its own name")
        folders[name] = Path(path)
    return folders or None


OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--variants", callback=_words, help="all, or names: a,b  [default: all]"),
    click.option("--scales", callback=_numbers, help="Of 2,4,8  [default: all three]"),
    click.option(
        "--datasets",
        callback=_words,
        help="all, or names: a,b  [default: the embedded images and all that are found]",
    ),
    click.option(
        "--dataset",
        "dataset_folders",
        multiple=True,
        callback=_folders,
        metavar="NAME=DIR",
        help="Any folder of HR images as a dataset; repeatable.",
    ),
    data_root_option,
    click.option("--only", callback=_words, help=f"Of {','.join(kind_names())}  [default: all]"),
    click.option("--limit", type=click.IntRange(1), help="First N images of each dataset."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda"])),
    click.option(
        "--dtype", "dtypes", callback=_words, help=f"Of {','.join(DTYPES)}  [default: fp32]"
    ),
    click.option(
        "--backend",
        "backends",
        callback=_words,
        help=f"Of {','.join(list_backends())}  [default: {DEFAULT_BACKEND}]",
    ),
    click.option(
        "--fold",
        is_flag=True,
        default=None,
        help="Also networks with the last upsampler and the residual convolution as one.",
    ),
    click.option("--batch", callback=_numbers, help="Batch sizes of latency  [default: 1]"),
    click.option(
        "--lr-size",
        "lr_sizes",
        callback=_words,
        metavar="WxH,...",
        help="LR sizes of latency, such as 320x180  [default: those of one HR size]",
    ),
    click.option(
        "--threads", callback=_numbers, help="CPU threads of latency  [default: all processors]"
    ),
    click.option(
        "--memory-format",
        "memory_formats",
        callback=_words,
        help="Of channels_last,contiguous, of latency  [default: channels_last]",
    ),
    click.option("--protocol", "protocols", callback=_words, help="[default: matlab_y]"),
    click.option(
        "--weights",
        multiple=True,
        metavar="NAME[@SCALE]=FILE",
        help="Weights to use for a variant; repeatable.",
    ),
    click.option("--save-images", is_flag=True, default=None, help="Keep the SR images."),
    click.option(
        "--pictures",
        callback=_words,
        help="Datasets to show crops of in the report: all, or names  [default: all]",
    ),
    click.option(
        "--train",
        type=click.Choice(["none", "missing"]),
        help="Train what has no weights first  [default: none]",
    ),
    click.option("--recipe", help="Training recipe for --train  [default: fast]"),
    click.option("--workers", type=click.IntRange(1), help="Processes  [default: 1]"),
    click.option("--baseline", help="Variant that others are compared with  [default: ms-lapsrn]"),
    click.option(
        "--results", type=click.Path(path_type=Path), help="Results folder  [default: runs/latest]"
    ),
    click.option(
        "--report", type=click.Path(path_type=Path), help="Report folder  [default: RESULTS/report]"
    ),
)


@click.command(help=__doc__)
@catalog_option
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="YAML file with these options."
)
@click.option("--fresh", is_flag=True, help="Measure again what the results folder holds already.")
@click.option("--dry-run", is_flag=True, help="List the jobs with an estimate of time; run none.")
def command(config_file: Path | None, fresh: bool, dry_run: bool, **given: Any) -> int:
    from harness.jobs.config import load_config
    from harness.networks.weights import WeightsFile
    from harness.run import dry_run as show_plan
    from harness.run import run

    options = {name: value for name, value in given.items() if value not in (None, ())}
    if "weights" in options:
        options["weights"] = tuple(WeightsFile.parse(text) for text in options["weights"])
    latency = {name: options.pop(name) for name in LATENCY_AXES if name in options}
    if latency:
        options["latency"] = latency
    config = load_config(config_file, options)
    if dry_run:
        show_plan(config)
        return 0
    return run(config, fresh=fresh)


for _option in reversed(OPTIONS):
    command = _option(command)

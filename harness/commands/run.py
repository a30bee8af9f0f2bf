"""Measure variants and render the comparison report.

Every variant is measured at every scale and on every dataset, unless options select some. An
interrupted run goes on where it stopped when the same command is given again.
"""

from pathlib import Path
from typing import Any

import click

from harness.backends import AUTO, DEFAULT_BACKEND, DTYPES, list_backends
from harness.commands._command import Command
from harness.commands._options import catalog_option, data_root_option, executor_option
from harness.jobs.kinds import kind_names
from harness.metrics.protocol import DEFAULT_PROTOCOL, PROTOCOLS

LATENCY_AXES = ("batch", "lr_sizes", "threads", "memory_formats")
"""Options that belong to the configuration's part ``latency``."""


def _words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    from variants.axes import split_names

    words = split_names(value)
    if not words:
        raise click.BadParameter(f"{value!r} names nothing; leave the option out for its default")
    return words


def _numbers(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    words = _words(context, option, value)
    try:
        return None if words is None else tuple(int(word.rstrip("x")) for word in words)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of whole numbers such as 2,4,8") from None


def _named(values: tuple[str, ...], form: str, what: str) -> dict[str, str] | None:
    """What is given as ``NAME=VALUE``, by name."""
    found: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} is not {form}")
        if name in found:
            raise click.BadParameter(f"{name!r} is named twice; each {what} needs its own name")
        found[name] = value
    return found or None


def _folders(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str] | None:
    return _named(values, "NAME=DIR", "dataset")


def _networks(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str] | None:
    return _named(values, "NAME=FROM, FROM being module:factory or a file", "network")


@click.command(
    cls=Command,
    help=__doc__,
    failure="a job failed; the others are measured and reported",
    examples=(
        "run --variants all",
        "run --variants ms-lapsrn,cms-lapsrn-conv3 --scales 4 --datasets Set5,Set14",
        "run --dataset holiday=photos/ --only quality --limit 10",
        "run --variants lapsrn,ms-lapsrn --authors-weights --data-root data",
        "run --variants 'ms-lapsrn,ms-lapsrn[width=32,depth=3]' --only cost,latency",
        "run --only latency --lr-size 320x180 --threads 1,2 --dry-run",
    ),
)
def command(
    config_file: Path | None, settings: tuple[str, ...], fresh: bool, dry_run: bool, **given: Any
) -> int:
    from harness.jobs.config import load_config, with_settings
    from harness.networks.weights import WeightsFile
    from harness.running import dry_run as show_plan
    from harness.running import run

    options = {name: value for name, value in given.items() if value not in (None, ())}
    if "weights" in options:
        read = map(WeightsFile.read, options["weights"])
        options["weights"] = tuple(file for files in read for file in files)
    latency = {name: options.pop(name) for name in LATENCY_AXES if name in options}
    if latency:
        options["latency"] = latency
    config = load_config(config_file, with_settings(options, settings))
    if dry_run:
        show_plan(config)
        return 0
    return run(config, fresh=fresh)


command.add_group(
    "What is measured",
    click.option(
        "--variants", callback=_words, help="all, or names: a,b[width=32]  [default: all]"
    ),
    click.option(
        "--scales",
        callback=_numbers,
        help="Of 2,4,8, and of those that --network serves  [default: 2,4,8]",
    ),
    click.option("--only", callback=_words, help=f"Of {','.join(kind_names())}  [default: all]"),
    click.option(
        "--network",
        "networks",
        multiple=True,
        callback=_networks,
        metavar="NAME=FROM",
        help="Any network as a row: module:factory, FILE.py:factory (both are executed, with all "
        "your rights), or a file that spandrel recognises; repeatable.",
    ),
    catalog_option,
    click.option("--baseline", help="Variant that others are compared with  [default: ms-lapsrn]"),
)
command.add_group(
    "On which images",
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
    click.option("--limit", type=click.IntRange(1), help="First N images of each dataset."),
    click.option(
        "--protocol",
        "protocols",
        callback=_words,
        help=f"Of {','.join(PROTOCOLS)}  [default: {DEFAULT_PROTOCOL}]",
    ),
    click.option(
        "--metrics",
        callback=_words,
        help="Further ones: ms_ssim_y, vif_y (extra metrics), lpips_rgb, dists_rgb (extra "
        "perceptual), of a plug-in  [default: PSNR and SSIM]",
    ),
)
command.add_group(
    "With which weights  [default: those that ship]",
    click.option(
        "--weights",
        multiple=True,
        metavar="NAME[@SCALE]=FILE|DIR",
        help="Weights to use for a variant, or a folder with those of several, such as `train "
        "--plan` leaves; repeatable.",
    ),
    click.option(
        "--authors-weights",
        is_flag=True,
        default=None,
        help="Measure the networks that LapSRN's authors released, too; fetched where need be.",
    ),
    click.option(
        "--train",
        type=click.Choice(["none", "missing"]),
        help="Train what has no weights first  [default: none]",
    ),
    click.option("--recipe", help="Training recipe for --train  [default: fast]"),
)
command.add_group(
    "How the networks run",
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="auto takes a GPU where there is one  [default: auto]",
    ),
    click.option(
        "--dtype", "dtypes", callback=_words, help=f"Of {','.join(DTYPES)}  [default: fp32]"
    ),
    click.option(
        "--backend",
        "backends",
        callback=_words,
        help=f"Of {','.join([*list_backends(), AUTO])}; {AUTO} measures once which is the fastest "
        f"here  [default: {DEFAULT_BACKEND}]",
    ),
    click.option(
        "--fold",
        is_flag=True,
        default=None,
        help="Also networks with the last upsampler and the residual convolution as one.",
    ),
    click.option("--workers", type=click.IntRange(1), help="Processes for quality  [default: 1]"),
    executor_option,
)
command.add_group(
    "Latency",
    click.option("--batch", callback=_numbers, help="Batch sizes  [default: 1]"),
    click.option(
        "--lr-size",
        "lr_sizes",
        callback=_words,
        metavar="WxH,...",
        help="LR sizes, such as 320x180  [default: those of one HR size]",
    ),
    click.option(
        "--threads",
        callback=_numbers,
        help="CPU threads  [default: $OMP_NUM_THREADS, else all processors]",
    ),
    click.option(
        "--memory-format",
        "memory_formats",
        callback=_words,
        help="Of channels_last,contiguous  [default: channels_last]",
    ),
)
command.add_group(
    "Where it goes",
    click.option(
        "--results", type=click.Path(path_type=Path), help="Results folder  [default: runs/latest]"
    ),
    click.option(
        "--report",
        type=click.Path(path_type=Path),
        help="Report folder  [default: RESULTS/report]",
    ),
    click.option("--save-images", is_flag=True, default=None, help="Keep the SR images."),
    click.option(
        "--pictures",
        callback=_words,
        help="Datasets to show crops of in the report: all, or names  [default: all]",
    ),
)
command.add_group(
    "The run itself",
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        help="YAML file with these options.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Any entry of such a file, also one without an option: latency.max_s=5; repeatable.",
    ),
    click.option(
        "--fresh", is_flag=True, help="Measure again what the results folder holds already."
    ),
    click.option(
        "--dry-run", is_flag=True, help="List the jobs with an estimate of time; run none."
    ),
)

"""Score images that another program upscaled.

The SR images in SR_DIR are measured against a dataset's HR images and the result is filed, so
that a report on the results folder has a row for them.

Each file's name must begin with that of its HR image: baby.png, baby_x4.png, babyx4_SR.png.
The images must have been made from LR images of the protocol, or the row compares little.
`harness data shrink` writes these with a note about them, lr.json: --lr names their folder, and
the protocol is theirs. Without it the note is looked for in SR_DIR, where `harness upscale` leaves
it. Where the HR image is grey, the luma of an SR image in
colour is compared. --params, --macs, --ms and --source file what somebody says that the other
program's network costs. Exits with 1 if an image could not be scored: the others are filed, but no
mean.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands._command import Command
from harness.commands._options import any_scale_option, catalog_option, data_root_option
from harness.metrics.protocol import DEFAULT_PROTOCOL, Protocol, get_protocol
from harness.system.text import plural, printable, say, size_in_pixels

if TYPE_CHECKING:
    from harness.data.datasets import Dataset

EXIT_FAILED = 1

_SI = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _amount(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """A whole number, such as 1500000 or 1.5M."""
    if text is None:
        return None
    digits, factor = (text[:-1], _SI[text[-1]]) if text[-1:] in _SI else (text, 1)
    try:
        amount = float(digits) * factor
    except ValueError:
        amount = 0.0
    if not 1 <= amount < 10**18:
        raise click.BadParameter(f"{text!r} is no amount such as 1500000 or 1.5M")
    return round(amount)


def _positive(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter(f"{value} is no time in milliseconds")
    return value


def _size(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    if (size := size_in_pixels(text)) is None:
        raise click.BadParameter(f"{text!r} is no size in pixels such as 1280x720")
    return size


@click.command(
    cls=Command,
    help=__doc__,
    failure="an image could not be scored; the others are filed, without a mean",
    examples=(
        "score sr --dataset Set5 --scale 4 --name other-model",
        (
            "score sr --dataset Set5 --scale 4 --name other-model --params 1.5M --macs 114G "
            "--ms 35 --source 'its README, on a Titan X'"
        ),
    ),
)
@catalog_option
@click.argument("sr_dir", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    required=True,
    metavar="NAME|NAME=DIR",
    help="The HR images: a known dataset, or any folder.",
)
@any_scale_option("What the images were upscaled by.", required=True)
@click.option("--name", required=True, help="What the report calls the other program.")
@click.option(
    "--lr",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="LR images of `harness data shrink` that these were made from.",
)
@click.option(
    "--protocol",
    metavar="NAME",
    help=f"Conventions, where no lr.json names them  [default: {DEFAULT_PROTOCOL}]",
)
@click.option("--params", callback=_amount, help="Parameters of its network, such as 1.5M.")
@click.option("--macs", callback=_amount, help="MACs of one forward pass, such as 114G.")
@click.option(
    "--hr-size",
    callback=_size,
    default="1280x720",
    show_default=True,
    metavar="WxH",
    help="The output that --macs and --ms are of.",
)
@click.option(
    "--ms",
    type=float,
    callback=_positive,
    help="Milliseconds of one forward pass; the report states them and compares them with nothing.",
)
@click.option("--source", help="Who says these figures; the report prints it beside them.")
@data_root_option
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("runs/latest"),
    show_default=True,
    help="Results folder that gets the row.",
)
def command(
    sr_dir: Path,
    dataset: str,
    scale: int,
    name: str,
    lr: Path | None,
    protocol: str | None,
    data_root: Path | None,
    results: Path,
    params: int | None,
    macs: int | None,
    hr_size: tuple[int, int],
    ms: float | None,
    source: str | None,
) -> int:
    source = (source or "").strip()
    if len({bool(given) for given in (params, macs, source)}) > 1 or (ms and not source):
        raise click.UsageError("--params, --macs and --source go together, and --ms with them")
    from tqdm import tqdm

    from harness.data.datasets import open_dataset
    from harness.jobs.base import Job, Record
    from harness.jobs.cost.told import told_cost
    from harness.jobs.quality.external import score_folder
    from harness.jobs.store import ResultsFolder
    from harness.metrics.registry import phrases

    hr = open_dataset(dataset, data_root)
    chosen = _protocol(protocol, lr, sr_dir, hr, scale)
    if hr.left_out:
        say(f"Note: {hr.name}: {hr.left_out_note}", err=True)
    with tqdm(total=len(hr.images), leave=False, disable=not sys.stderr.isatty()) as bar:
        record = score_folder(sr_dir, hr, scale, name, chosen, bar.update)
    records: list[Record] = [record]
    if params and macs and source:
        records.append(told_cost(name, scale, params, macs, hr_size, source, ms))
    folder = ResultsFolder(results)
    with folder.locked():
        for each in records:
            folder.write(each)
        folder.write_run(folder.read_run(), [Job(each.kind, each.spec) for each in records])
        folder.collate(folder.read().values())
    missing = record.left.get("missing", {})
    for reason in missing.values():
        say(f"Failed: {reason}", err=True)
    if record.result is None:
        n = len(record.left["images"])
        say(
            f"{n} of {n + len(missing)} images scored; filed in {results} without a mean, which "
            f"would be of other images than {hr.name}'s",
            err=True,
        )
        return EXIT_FAILED
    what, result = f"{name}, {hr.name} {scale}x, {chosen.name}", record.result
    say(f"{what}: {phrases(result.scores)} over {plural(result.n_images, 'image')}")
    say(f"Filed in {results}; `harness report {results}` renders it")
    return 0


def _protocol(
    asked: str | None, lr: Path | None, sr_dir: Path, hr: "Dataset", scale: int
) -> Protocol:
    """That of the note beside the LR images, or the one that was asked for."""
    from harness.data.shrink import NOTE, LrNote
    from harness.errors import ConfigError, DataError

    wanted = get_protocol(asked) if asked else None
    folder = lr or sr_dir
    note = LrNote.read(folder)
    if note is None and lr:
        raise DataError(f"there is no {NOTE} in {lr}; `harness data shrink` writes one")
    if note is None:
        if wanted is None:
            text = (
                f"Note: taken as made from LR images of {DEFAULT_PROTOCOL}; --lr or --protocol "
                "says otherwise"
            )
            say(text, err=True)
        return wanted or get_protocol(DEFAULT_PROTOCOL)
    note.check(hr, scale, folder)
    if asked not in (None, note.protocol):
        raise ConfigError(
            f"--protocol {asked} contradicts {folder / NOTE}, which says {note.protocol}"
        )
    say(printable(f"Protocol {note.protocol}, as {folder / NOTE} says"))
    return get_protocol(note.protocol)

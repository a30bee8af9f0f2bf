"""``harness data``: list, check and fetch datasets."""

import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import click

from harness.system.text import printable, say

if TYPE_CHECKING:
    from harness.data.datasets import Dataset, DatasetInfo
    from harness.data.fetch import FetchReport
    from harness.data.sources import Source

EXIT_FAILED = 1
N_NAMED = 3
"""How many files a sentence names before it only counts."""

_data_root = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the datasets  [default: $HARNESS_DATA]",
)


@click.group(short_help="List, check and fetch datasets.")
def command() -> None:
    """List, check and fetch the datasets that figures are measured on."""


@command.command("list")
@_data_root
def list_command(data_root: Path | None) -> None:
    """List all known datasets: what they are for, where they were found, on what terms."""
    from harness.data.datasets import find_dataset, list_datasets
    from harness.errors import DataError

    for info in list_datasets():
        try:
            where = _found(find_dataset(info.name, data_root))
        except DataError:
            where = f"not found; to get it: {info.how_to_get}"
        aliases = f" (or {', '.join(info.aliases)})" if info.aliases else ""
        say(f"{info.name}{aliases}: {info.role}, {info.n_images} images, {info.source}")
        say(f"    {where}")
        say(f"    terms: {info.terms}")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_data_root
@click.option("--base-url", help="Mirror that serves REPO/COMMIT/PATH  [default: GitHub]")
@click.option("--workers", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option("--replace", is_flag=True, help="Replace files of yours that have other bytes.")
def fetch_command(
    names: tuple[str, ...],
    data_root: Path | None,
    base_url: str | None,
    workers: int,
    replace: bool,
) -> int:
    """Fetch datasets into the data folder: NAME... of `harness data list`, "weights" (the
    released networks of LapSRN's authors) or "all".

    Every file comes from a pinned commit of a public repository and is verified by SHA-256. What
    is there already is not fetched again, so an interrupted fetch goes on where it stopped.
    """
    from harness.data.datasets import DATA_ROOT_VARIABLE
    from harness.data.datasets import data_root as resolve_root
    from harness.data.fetch import fetch
    from harness.data.sources import GITHUB, fetchable, sources_of
    from harness.errors import ConfigError

    wanted = fetchable() if "all" in (name.casefold() for name in names) else names
    # A dataset named twice, by name and alias, is fetched once.
    sources = list(dict.fromkeys(source for name in wanted for source in sources_of(name)))
    root = resolve_root(data_root)
    if root is None:
        raise ConfigError(f"where to? Pass --data-root DIR or set {DATA_ROOT_VARIABLE}.")
    with _ByteProgress(sum(source.bytes for source in sources)) as progress:
        report = fetch(
            sources, root, base_url or GITHUB, workers, replace, on_bytes=progress.update
        )
    _tell_fetched(sources, report, root)
    _tell_use(sources, root)
    return 0 if report.complete else EXIT_FAILED


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_data_root
@click.option("--baseline/--no-baseline", default=True, help="Measure bicubic interpolation too.")
def check_command(names: tuple[str, ...], data_root: Path | None, baseline: bool) -> int:
    """Check datasets (all by default): where they were found, how many images of how many, which
    files differ from the pinned public ones, and whether bicubic interpolation gives the paper's
    figures on them.

    Exits with 1 if a copy is incomplete or its baseline differs, or if a named one is missing.
    """
    from harness.data.datasets import find_dataset, get_info, list_datasets
    from harness.errors import DataError

    good = True
    for info in [get_info(name) for name in names] or list_datasets():
        try:
            dataset = find_dataset(info.name, data_root)
        except DataError as error:
            say(f"{info.name}: MISSING. {error}")
            good = good and not names
            continue
        say(f"{info.name}: {_found(dataset)}")
        try:
            good = _check(dataset, info, baseline) and good
        except DataError as error:
            say(f"    BAD: {error}")
            good = False
    return 0 if good else EXIT_FAILED


@command.command("shrink")
@click.argument("dataset", metavar="NAME|NAME=DIR")
@click.option("--scale", type=click.Choice(["2", "4", "8"]), required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR")
@_data_root
def shrink_command(dataset: str, scale: str, out: Path, data_root: Path | None) -> int:
    """Write the LR images of a dataset as 8-bit PNG, for another program to upscale and
    `harness score` to judge.

    They are those of the protocol python_y; matlab_y has them before rounding, which no 8-bit
    file can hold.
    """
    from tqdm import tqdm

    from harness.data.datasets import open_dataset
    from harness.data.shrink import write_lr
    from harness.errors import ResultsError

    hr = open_dataset(dataset, data_root)
    with tqdm(total=len(hr.images), leave=False, disable=not sys.stderr.isatty()) as bar:
        try:
            failures = write_lr(hr, int(scale), out, bar.update)
        except OSError as error:
            raise ResultsError(f"cannot write into {out}: {error.strerror or error}") from error
    for failure in failures:
        say(f"Failed: {printable(failure)}", err=True)
    n_written = len(hr.images) - len(failures)
    of = f" of {len(hr.images)}" if failures else ""
    say(f"{n_written}{of} images of {hr.name}, shrunk {scale} times, in {printable(out)}")
    return EXIT_FAILED if failures else 0


def _found(dataset: "Dataset") -> str:
    folders = {path.parent for path in dataset.images}
    where = folders.pop() if len(folders) == 1 else dataset.folder
    expected = dataset.expected_images or 0
    n = len(dataset.images)
    counted = f"{n} of {expected} images" if n <= expected else dataset.counted
    return "; ".join(filter(None, (f"{counted} in {where}", dataset.left_out_note)))


def _check(dataset: "Dataset", info: "DatasetInfo", baseline: bool) -> bool:
    from tqdm import tqdm

    from harness.data.check import check_baseline, check_bytes
    from harness.data.sources import all_sources

    sources = [source for source in all_sources() if source.dataset == info.name]
    if sources:
        found = check_bytes(dataset, sources)
        if not found.differing and not found.absent:
            say(f"    files: all {found.identical} identical to the pinned public ones")
        else:
            say(
                f"    files: {found.identical} of {len(sources)} identical to the pinned public "
                f"ones; {_counted(found.differing, 'differs', 'differ')} in bytes (which another "
                "encoding of the same pixels does too)"
            )
    if not dataset.complete:
        more = len(dataset.images) > info.n_images
        verdict = "OTHER FILES lie there, too" if more else "INCOMPLETE"
        say(f"    {verdict}: {info.n_images} images were expected. {_how(info)}")
        return False
    if not info.bicubic or not baseline:
        return True
    steps = len(dataset.images) * len(info.bicubic)
    with tqdm(total=steps, leave=False, disable=not sys.stderr.isatty()) as bar:
        rows = check_baseline(dataset, info, on_image=bar.update)
    for row in rows:
        paper = f"DIFFERS from the paper's {row.paper_psnr:.2f} dB, {row.paper_ssim:.3f}"
        verdict = "as in the paper" if row.agrees else paper
        say(f"    bicubic {row.scale}x: {row.psnr_y:.2f} dB, {row.ssim_y:.3f}, {verdict}")
    if not all(row.agrees for row in rows):
        say(f"    This is not the dataset of the paper's figures. {_how(info)}")
        return False
    return True


def _how(info: "DatasetInfo") -> str:
    return f"To get it: {info.how_to_get}."


def _counted(names: Iterable[str], one: str, many: str) -> str:
    """``3 differ (a.png, b.png, c.png)``: how many, what about them, and the first names."""
    names = list(names)
    shown = ", ".join(names[:N_NAMED]) + (", ..." if len(names) > N_NAMED else "")
    verb = one if len(names) == 1 else many
    return f"{len(names)} {verb}" + (f" ({shown})" if names else "")


def _tell_fetched(sources: "list[Source]", report: "FetchReport", root: Path) -> None:
    for name in dict.fromkeys(source.dataset for source in sources):
        n = {
            what: sum(source.dataset == name for source in group)
            for what, group in (
                ("all", sources),
                ("fetched", report.fetched),
                ("present", report.present),
            )
        }
        say(
            f"{name}: {n['fetched'] + n['present']} of {n['all']} files in {root / name}, "
            f"verified by SHA-256 ({n['fetched']} fetched, {n['present']} there before)"
        )
    kept = [str(root / source.dataset / source.file) for source in report.kept]
    if kept:
        say(
            f"Kept: {_counted(kept, 'file differs', 'files differ')} from what "
            "is pinned and may be yours; --replace replaces",
            err=True,
        )
    for _, reason in report.failed[:N_NAMED]:
        say(f"Failed: {reason}", err=True)
    if report.failed:
        say(
            f"{len(report.failed)} of {len(sources)} files failed; the same command tries these "
            "again",
            err=True,
        )


def _tell_use(sources: "list[Source]", root: Path) -> None:
    """What stands in the way of using what was fetched, and how to use it."""
    from harness.data.datasets import DATA_ROOT_VARIABLE, data_root, find_dataset
    from harness.errors import DataError
    from variants.errors import UnknownNameError

    for name in dict.fromkeys(source.dataset for source in sources):
        try:
            dataset = find_dataset(name, root)
        except (DataError, UnknownNameError):
            continue  # Nothing of it was fetched, or it is no dataset but weights.
        if len(dataset.images) > (dataset.expected_images or len(dataset.images)):
            say(
                f"Note: {_found(dataset)}: other files lie there too. Move them elsewhere, or they "
                "are taken for a part of it.",
                err=True,
            )
    if data_root(None) != root:
        say(f"To use it: --data-root {root}, or export {DATA_ROOT_VARIABLE}={root}")


class _ByteProgress:
    """A bar of bytes on a terminal, nothing elsewhere; may be updated from any thread."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self.lock = Lock()
        self.bar = tqdm(
            total=total,
            unit="B",
            unit_scale=True,
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> "_ByteProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def update(self, n_bytes: int) -> None:
        with self.lock:
            # tqdm takes negative steps for a restart of the clock only where it must.
            self.bar.n += n_bytes
            self.bar.update(0)

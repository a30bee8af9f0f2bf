"""Fetch datasets into the data folder, verified by SHA-256.

NAME... is of `harness data list`, "weights" (the released networks of LapSRN's authors) or
"all".

Every file comes from a pinned commit of a public repository and is verified by SHA-256. What
is there already is not fetched again, so an interrupted fetch goes on where it stopped.
"""

import sys
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import click

from harness.commands._command import Command
from harness.commands._options import data_root_option
from harness.commands.data._texts import N_NAMED, counted, where_found
from harness.system.text import say

if TYPE_CHECKING:
    from harness.data.fetch import FetchReport
    from harness.data.sources import Source

EXIT_FAILED = 1


@click.command(
    cls=Command,
    help=__doc__,
    failure="a file could not be fetched, or one of yours has its name",
    examples=("data fetch Set5 Set14 --data-root data",),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@data_root_option
@click.option("--base-url", help="Mirror that serves REPO/COMMIT/PATH  [default: GitHub]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Files at a time.",
)
@click.option("--replace", is_flag=True, help="Replace files of yours that have other bytes.")
def command(
    names: tuple[str, ...],
    data_root: Path | None,
    base_url: str | None,
    workers: int,
    replace: bool,
) -> int:
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
            f"Kept: {counted(kept, 'file differs', 'files differ')} from what "
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
                f"Note: {where_found(dataset)}: other files lie there too. Move them elsewhere, or "
                "they are taken for a part of it.",
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

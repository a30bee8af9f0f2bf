"""Render a report again from recorded results.

Writes report.html and report.md from the records in RESULTS; measures nothing.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import catalog_option
from harness.system.text import say


@click.command(
    cls=Command,
    help=__doc__,
    examples=("report runs/latest -o report",),
)
@catalog_option
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the report  [default: RESULTS/report]",
)
@click.option(
    "--baseline",
    default="ms-lapsrn",
    show_default=True,
    help="Variant that others are compared with.",
)
@click.option("--title", help="Title of the report.")
def command(results: Path, out: Path | None, baseline: str, title: str | None) -> None:
    from harness.report.document import TITLE
    from harness.report.render import render_report

    folder = out or results / "report"
    for path in render_report(results, folder, baseline=baseline, title=title or TITLE):
        if path.name in ("report.html", "report.md"):
            say(path)

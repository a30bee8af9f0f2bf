"""Show a variant: its card and its modules.

Of each module the shapes, the parameters, and the MACs for an output of 1280x720 pixels.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.commands._options import any_scale_option, catalog_option
from harness.system.text import markdown_table, say

HR_HEIGHT, HR_WIDTH = 720, 1280


@click.command(
    cls=Command,
    help=__doc__,
    examples=("show cms-lapsrn-conv3 --scale 4",),
)
@catalog_option
@click.argument("name")
@any_scale_option("Of the modules that are listed  [default: 4, or what the network is for]")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Results folder to take figures on test sets from.",
)
def command(name: str, scale: int | None, results: Path | None) -> None:
    from harness.jobs.store import ResultsFolder
    from harness.training.cards import render_card
    from variants.catalog import get_variant
    from variants.outside import LARGEST_SCALE

    if results is not None:
        ResultsFolder(results).require()
    say(render_card(name, results), lines=True)
    if results is not None:
        folder = ResultsFolder(results)
        folder.read()
        for problem in folder.problems:
            say(f"Note: {problem}", err=True)
    variant = get_variant(name)
    if variant.has_network:
        own = next((n for n in (4, *range(2, LARGEST_SCALE + 1)) if variant.serves(n)), 4)
        say(_modules(name, scale or own), lines=True)


def _modules(name: str, scale: int) -> str:
    from harness.networks.modules import list_modules
    from variants import create_model

    height, width = HR_HEIGHT // scale, HR_WIDTH // scale
    rows = list_modules(create_model(name, scale), height, width)
    params, macs = sum(row.params for row in rows), sum(row.macs for row in rows)
    cells: list[tuple[str, ...]] = [
        ("Module", "Type", "Tensors", "Parameters", "MACs", "Share of MACs")
    ]
    cells += [
        (
            row.name,
            row.type,
            row.tensors or "none of its own",
            f"{row.params:,}",
            f"{row.macs / 1e9:.4f} G",
            f"{100 * row.macs / macs:.1f} %",
        )
        for row in rows
    ]
    cells += [("all", "", "", f"{params:,}", f"{macs / 1e9:.4f} G", "100.0 %")]
    heading = f"## Modules at {scale}x\n\nFor {width}x{height} pixels to {HR_WIDTH}x{HR_HEIGHT}"
    note = "FLOPs are twice the MACs. A module that runs often sums up."
    return f"{heading}; {note}\n\n{markdown_table(cells, left=3)}"

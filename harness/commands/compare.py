"""Say what changed between two runs, with gates for CI.

Results in RUN_B are compared with those in RUN_A, cell by cell. Latency counts as changed only
beyond its noise, and PSNR and SSIM only beyond float noise, a tenth of the last printed digit.

With --map, rows of different names are compared, and nothing else: also within one run, as in
`compare runs/a runs/a --map ms-lapsrn=cms-lapsrn-conv3`.
"""

from pathlib import Path

import click

from harness.commands._command import Command
from harness.system.text import say

EXIT_GATE = 1


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    from variants.axes import partition_name

    names: dict[str, str] = {}
    for value in values:
        old, equals, new = (part.strip() for part in partition_name(value))
        if not (old and equals and new):
            raise click.BadParameter(f"{value!r} is not A=B")
        if old in names or new in names.values():
            raise click.BadParameter(f"{value!r} names a row that another --map names")
        names[old] = new
    return names


@click.command(
    cls=Command,
    help=__doc__,
    failure="a gate is tripped",
    examples=(
        'compare runs/a runs/b --fail-if "psnr_y<-0.02"',
        'compare runs/a runs/b --fail-if "cms-*:median_ms>5%" --json',
        "compare runs/a runs/a --map ms-lapsrn=cms-lapsrn-conv3",
    ),
)
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option(
    "--map",
    "names",
    multiple=True,
    metavar="A=B",
    callback=_pairs,
    help="Compare A of RUN_A with B of RUN_B: variants, or VARIANT@WEIGHTS; repeatable.",
)
@click.option(
    "--fail-if",
    "gates",
    multiple=True,
    metavar="GATE",
    help="Condition on a change, e.g. 'psnr_y<-0.02', 'params>0', 'median_ms>5%', or of one "
    "variant 'cms-lapsrn-conv3:psnr_y<-0.02'; repeatable.",
)
@click.option("--markdown", "form", flag_value="markdown", help="For a pull request.")
@click.option("--json", "form", flag_value="json", help="For a program; numbers are unrounded.")
def command(
    run_a: Path, run_b: Path, names: dict[str, str], gates: tuple[str, ...], form: str | None
) -> int:
    from harness.comparison import compare_runs

    comparison = compare_runs(run_a, run_b, gates, names)
    shown = {"markdown": comparison.markdown, "json": comparison.json}.get(
        form or "", comparison.text
    )
    say(shown(), lines=True)
    return 0 if comparison.ok else EXIT_GATE

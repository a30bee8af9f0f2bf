"""Say what changed between two runs, with gates for CI.

Results in RUN_B are compared with those in RUN_A, cell by cell. Latency counts as changed only
beyond its noise. Exits 1 if a gate is tripped.
"""

from pathlib import Path

import click

from harness.system.text import say


@click.command(help=__doc__)
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option(
    "--fail-if",
    "gates",
    multiple=True,
    metavar="GATE",
    help="Condition on a change, e.g. 'psnr_y<-0.02', 'params>0', 'median_ms>5%'; repeatable.",
)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
def command(run_a: Path, run_b: Path, gates: tuple[str, ...], markdown: bool) -> int:
    from harness.compare import compare_runs

    comparison = compare_runs(run_a, run_b, gates)
    say(comparison.markdown() if markdown else comparison.text(), lines=True)
    return 0 if comparison.ok else 1

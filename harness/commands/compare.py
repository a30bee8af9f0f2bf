"""Say what changed between two runs, with gates for CI.

Results in RUN_B are compared with those in RUN_A, cell by cell. Latency counts as changed only
beyond its noise, and PSNR and SSIM only beyond float noise, a tenth of the last printed digit.

With --rev, two revisions of this repository are compared instead: their latency, measured in turns,
pass by pass, so that what slows the machine slows both. Two runs at different times differ by
a quarter on a machine that others use.

With --map, rows of different names are compared, and nothing else: also within one run, as in
`compare runs/a runs/a --map ms-lapsrn=cms-lapsrn-conv3`.
"""

import json
import sys
from dataclasses import asdict
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
        'compare --rev main HEAD --variants ms-lapsrn --scales 4 --fail-if "median_ms>5%"',
    ),
)
@click.argument("run_a", type=click.Path(path_type=Path), required=False)
@click.argument("run_b", type=click.Path(path_type=Path), required=False)
@click.option("--rev", nargs=2, metavar="A B", help="Revisions whose latency is measured in turns.")
@click.option("--variants", help="With --rev  [default: ms-lapsrn,cms-lapsrn-conv3]")
@click.option("--scales", help="With --rev, of 2,4,8  [default: 4]")
@click.option("--rounds", type=click.IntRange(6), help="With --rev  [default: 40]")
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
    run_a: Path | None,
    run_b: Path | None,
    rev: tuple[str, str] | None,
    variants: str | None,
    scales: str | None,
    rounds: int | None,
    names: dict[str, str],
    gates: tuple[str, ...],
    form: str | None,
) -> int:
    from harness.comparison import compare_runs

    if rev:
        if run_a or names or form == "markdown":
            raise click.UsageError("--rev takes no runs, no --map and no --markdown.")
        return _revisions(rev, variants, scales, rounds, gates, as_json=form == "json")
    if run_a is None or run_b is None:
        raise click.UsageError("Name two results folders, RUN_A and RUN_B, or two --rev.")
    if variants or scales or rounds:
        raise click.UsageError("--variants, --scales and --rounds are for --rev.")

    comparison = compare_runs(run_a, run_b, gates, names)
    shown = {"markdown": comparison.markdown, "json": comparison.json}.get(
        form or "", comparison.text
    )
    say(shown(), lines=True)
    return 0 if comparison.ok else EXIT_GATE


def _revisions(
    rev: tuple[str, str],
    variants: str | None,
    scales: str | None,
    rounds: int | None,
    gates: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    from tqdm import tqdm

    from harness.comparison.revisions import ROUNDS, WARM_UP, compare_revisions
    from harness.jobs.config import load_config
    from variants.axes import split_names

    # Checked as the options of a run are.
    config = load_config(
        None,
        {
            "variants": tuple(split_names(variants or "ms-lapsrn,cms-lapsrn-conv3")),
            "scales": tuple((scales or "4").split(",")),
        },
    )
    total = WARM_UP + (rounds or ROUNDS)
    with tqdm(total=total, unit="round", leave=False, disable=not sys.stderr.isatty()) as bar:
        turns = compare_revisions(
            rev,
            config.variants,
            config.scales,
            gates,
            rounds=rounds or ROUNDS,
            on_round=bar.update,
        )
    say(
        json.dumps([asdict(turn) for turn in turns], indent=1)
        if as_json
        else "\n".join(turn.text for turn in turns),
        lines=True,
    )
    return EXIT_GATE if any(turn.failed for turn in turns) else 0

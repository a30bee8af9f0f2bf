"""Train a variant, or all networks of a plan.

A training that was stopped is resumed by the same command; of a plan, what is finished is
passed over. Under torchrun the same command trains on several processes.
"""

from pathlib import Path
from typing import Any

import click

from harness.commands._command import Command
from harness.commands._options import (
    catalog_option,
    data_root_option,
    executor_option,
    scale_option,
)
from harness.system.text import say

EXIT_FAILED = 1
OF_ONE = ("recipe", "init", "scale", "seed", "steps")
"""Options that a plan gives for each of its networks."""


@click.command(
    cls=Command,
    help=__doc__,
    failure="a network of a plan failed; the others are trained",
    examples=(
        "train --variant cms-lapsrn-conv3",
        "train --plan shipped --out runs/shipped",
        "train --plan shipped --workers 6 --device cuda",
    ),
)
@catalog_option
@click.option("--variant", help="A variant with a network.")
@click.option("--plan", help="Several networks in turn: name of a plan, or a YAML file.")
@click.option("--only", metavar="ENTRY,...", help="Of the plan, with what these start from.")
@click.option("--recipe", help="Name of a recipe, or a YAML file  [default: fast]")
@click.option("--init", help="Weights file, or variant with shipped weights, to start from.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder; of a plan with one for each network in it  [default: runs/train/NAME]",
)
@scale_option("For LapSRN  [default: all]")
@click.option("--seed", type=click.IntRange(0), help="In place of the recipe's.")
@click.option("--steps", type=click.IntRange(1), help="In place of the recipe's.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@data_root_option
@executor_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Networks of a plan that are trained side by side, on one GPU as well  [default: 1]",
)
def command(
    variant: str | None,
    plan: str | None,
    only: str | None,
    out: Path | None,
    device: str,
    data_root: Path | None,
    executor: str | None,
    workers: int | None,
    **given: Any,
) -> int:
    if plan is not None and variant is None:
        if odd := [f"--{name}" for name in OF_ONE if given[name] is not None]:
            raise click.UsageError(f"{', '.join(odd)} cannot apply: the plan says it")
        out = out or Path("runs/train") / Path(plan).stem
        where = {"executor": executor or "local", "workers": workers or 1}
        return _train_plan(plan, only, out, device=device, data_root=data_root, **where)
    if variant is None or plan is not None:
        raise click.UsageError("give either --variant or --plan")
    of_a_plan = {"--only": only, "--executor": executor, "--workers": workers}
    if odd := [name for name, value in of_a_plan.items() if value is not None]:
        raise click.UsageError(f"{', '.join(odd)} needs --plan")
    from harness.training.train import train

    scale = given.pop("scale")
    result = train(
        variant,
        out=out or Path("runs/train") / variant,
        device=device,
        data_root=data_root,
        scale=int(scale) if scale else None,
        **{name: value for name, value in given.items() if value is not None},
    )
    for network in result.networks:
        say(f"{network.weights}: {network.variant} for {_scales(network.scales)}")
    return 0


def _train_plan(name: str, only: str | None, out: Path, **how: Any) -> int:
    from harness.training.plan import load_plan, needed, run_plan

    plan = load_plan(name)
    if only is not None:
        plan = needed(plan, [entry.strip() for entry in only.split(",")])
    return 0 if run_plan(plan, out, **how) else EXIT_FAILED


def _scales(scales: tuple[int, ...]) -> str:
    return ", ".join(f"{scale}x" for scale in scales)

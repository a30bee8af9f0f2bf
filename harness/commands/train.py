"""``harness train``: train a variant by a recipe."""

from pathlib import Path

import click

from harness.system.text import say


@click.command(short_help="Train a variant.")
@click.option("--variant", required=True, help="A variant with a network.")
@click.option(
    "--recipe", default="fast", show_default=True, help="Name of a recipe, or a YAML file."
)
@click.option("--init", help="Weights file, or variant with shipped weights, to start from.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder  [default: runs/train/VARIANT]"
)
@click.option("--scale", type=click.Choice(["2", "4", "8"]), help="For LapSRN  [default: all]")
@click.option("--seed", type=click.IntRange(0), help="In place of the recipe's.")
@click.option("--steps", type=click.IntRange(1), help="In place of the recipe's.")
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the training sets  [default: $HARNESS_DATA]",
)
def command(
    variant: str,
    recipe: str,
    init: str | None,
    out: Path | None,
    scale: str | None,
    seed: int | None,
    steps: int | None,
    device: str,
    data_root: Path | None,
) -> None:
    """Train a variant, or resume a training that was stopped.

    Under torchrun the same command trains on several processes.
    """
    from harness.training.train import train

    result = train(
        variant,
        recipe=recipe,
        init=init,
        out=out or Path("runs/train") / variant,
        device=device,
        data_root=data_root,
        scale=int(scale) if scale else None,
        seed=seed,
        steps=steps,
    )
    for network in result.networks:
        say(f"{network.weights}: {network.variant} for {_scales(network.scales)}")


def _scales(scales: tuple[int, ...]) -> str:
    return ", ".join(f"{scale}x" for scale in scales)

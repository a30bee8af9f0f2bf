"""``run --train missing``: weights for the variants that have none yet."""

from harness.jobs.config import RunConfig
from harness.networks.weights import NO_WEIGHTS, WeightsFile, resolve_weights
from variants.catalog import get_variant


def train_missing(config: RunConfig) -> RunConfig:
    """Train every chosen variant without weights, by the configuration's recipe.

    Trained networks lie in ``RESULTS/train/VARIANT``; what is there already is taken as it is, and
    what was stopped goes on.

    Returns:
        The configuration with the trained files among its weights.

    Raises:
        HarnessError, VariantError: no training images, an unknown recipe, a loss that diverged.
    """
    brought = list(config.weights)
    for name in config.variants:
        variant = get_variant(name)
        # Networks from outside bring theirs, and have scales for which there is nothing to train.
        scales = [] if variant.brings_weights else filter(variant.serves, config.scales)
        missing = [s for s in scales if NO_WEIGHTS in resolve_weights(variant, s, brought)]
        if not missing:
            continue
        from harness.training.train import train

        folder = config.results / "train" / name
        for scale in missing if variant.per_scale_weights else (None,):
            trained = train(
                name,
                recipe=config.recipe,
                out=folder / f"x{scale}" if scale else folder,
                device=config.device,
                data_root=config.data_root,
                scale=scale,
            )
            for network in trained.networks:
                brought.append(WeightsFile(variant=name, scale=scale, path=network.weights))
    return config.model_copy(update={"weights": tuple(brought)})

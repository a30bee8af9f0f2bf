"""What ``run --train missing`` trains, and what it does not."""

from typing import Any

import pytest
from torch import nn

from harness.jobs.config import RunConfig
from harness.training.missing import train_missing
from variants.catalog import forget_variant
from variants.outside import register_network


class Three(nn.Sequential):
    """For 3x alone."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 9, 3, padding=1), nn.PixelShuffle(3))


def test_only_what_serves_a_scale_and_has_no_weights_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained: list[str] = []

    class Trained:
        networks = ()

    def train(name: str, **options: Any) -> Trained:
        trained.append(name)
        return Trained()

    monkeypatch.setattr("harness.training.train.train", train)
    network = register_network("three", Three)
    try:
        names = ("bicubic", "ms-lapsrn", "ms-lapsrn[width=8]", "three")
        train_missing(RunConfig(variants=names, scales=(2, 3), train="missing"))
    finally:
        forget_variant(network.name)
    # The shipped ms-lapsrn has weights at 2x, and no network at 3x.
    assert trained == ["ms-lapsrn[width=8]"]

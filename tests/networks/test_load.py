"""The network that a job names, laid out as the job says."""

from typing import Any

import pytest
import torch

from harness.networks.load import load_network
from variants.catalog import get_variant


@pytest.mark.parametrize(
    ("named", "channels_last"),
    [
        ({}, True),
        ({"memory_format": "channels_last"}, True),
        ({"memory_format": "contiguous"}, False),
    ],
)
def test_memory_format(named: dict[str, Any], channels_last: bool) -> None:
    variant = get_variant("ms-lapsrn")
    spec = {"variant": {"name": variant.name, "architecture": variant.architecture(2)}, "scale": 2}
    weight = load_network({**spec, **named}, None, "cpu").get_parameter("convs.0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert weight.is_contiguous() != channels_last

"""The network that a job names, laid out as the job says."""

from typing import Any

import pytest
import torch

from harness.networks.identity import NetworkIdentity, network_identity
from harness.networks.load import load_network
from harness.networks.weights import NO_WEIGHTS
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
    spec = network_identity(variant, 2, NO_WEIGHTS) | named
    network = NetworkIdentity.model_validate(spec)
    weight = load_network(network, None, "cpu").get_parameter("convs.0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert weight.is_contiguous() != channels_last

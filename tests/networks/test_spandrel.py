"""Files of random weights of real architectures, as spandrel reads them: the extra of its name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.measure.cost import measure_cost
from harness.networks.spandrel import recognise
from variants.catalog import forget_variant
from variants.outside import register_network

try:
    import spandrel
except (ImportError, RuntimeError):
    pytest.skip("needs spandrel and a torchvision that fits torch", allow_module_level=True)


def span() -> Any:
    from spandrel.architectures.SPAN import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2)


def compact() -> Any:
    from spandrel.architectures.Compact import Compact

    return Compact(num_feat=8, num_conv=2, upscale=3)


def safmn() -> Any:
    from spandrel.architectures.SAFMN import SAFMN

    return SAFMN(dim=16, n_blocks=1, upscaling_factor=4)


@pytest.mark.parametrize(
    ("make", "name", "scale", "multiple"),
    [(span, "SPAN", 2, 1), (compact, "RealESRGAN Compact", 3, 1), (safmn, "SAFMN", 4, 8)],
)
def test_a_file_is_what_spandrel_makes_of_it(
    tmp_path: Path, make: Any, name: str, scale: int, multiple: int
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "random.pth"
    torch.save({"params": make().state_dict()}, path)
    found = recognise(path)
    assert found.options["scales"] == (scale,)
    network = register_network("random", found, content=found.sha256, **found.options)
    try:
        architecture = network.architecture(scale)
        assert (architecture["network"], architecture["multiple"]) == (name, multiple)
        model = network.build(scale)
        image = torch.rand(1, 3, 24, 32)
        theirs = spandrel.ModelLoader(device="cpu").load_from_file(path)
        assert isinstance(theirs, spandrel.ImageModelDescriptor)
        with torch.inference_mode():
            torch.testing.assert_close(model(image), theirs(image))
            assert model(image[..., :23, :29]).shape == (1, 3, 23 * scale, 29 * scale)
        cost = measure_cost(model, 24, 32)
        assert cost["params"] == sum(p.numel() for p in make().parameters())
        assert cost["macs"] > 0
    finally:
        forget_variant("random")

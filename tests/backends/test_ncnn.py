"""What is written for ncnn, and what ncnn computes with it, against torch."""

import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import variants
from harness.backends import BackendUnavailableError, exporting, get_backend, prepare
from harness.backends._ncnn import NcnnFiles, to_ncnn
from harness.errors import ConfigError, HarnessError
from harness.networks import export
from variants.bake import baked
from variants.branch import largest_error
from variants.fold import fold

needs_ncnn = pytest.mark.skipif(find_spec("ncnn") is None, reason="extra ncnn is not installed")

NETWORKS = [
    *((name, scale) for name in ("lapsrn", "ms-lapsrn", "cms-lapsrn-conv3") for scale in (2, 4)),
    *((f"ms-lapsrn-{name}", 4) for name in ("shuffle", "resize", "resize-bilinear", "4x4")),
    *((f"ms-lapsrn-{name}", 2) for name in ("separable", "grouped", "pixel-attention")),
    *((f"cms-lapsrn-conv3-{name}", 4) for name in ("lora2", "shuffle")),
]


def small(name: str, scale: int) -> Any:
    torch.manual_seed(0)
    return variants.create_model(name, scale, width=8)


def lines_of(files: NcnnFiles) -> list[list[str]]:
    magic, counts, *lines = files.param.splitlines()
    assert magic == "7767517"
    words = [line.split() for line in lines]
    blobs = sum(int(line[3]) for line in words)
    assert counts == f"{len(lines)} {blobs}"
    return words


@pytest.mark.parametrize("name", ["lapsrn", "cms-lapsrn-conv3"])
def test_every_blob_is_written_once_and_read_once(name: str) -> None:
    files = to_ncnn(baked(small(name, 4)))
    read: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for _, _, n_read, n_written, *names in lines_of(files):
        middle = int(n_read) + int(n_written)
        read.update(names[: int(n_read)])
        written.update(names[int(n_read) : middle])
    assert set(written.values()) == {1}
    assert set(read.values()) == {1}
    assert set(written) - set(read) == {"sr"}
    assert set(read) <= set(written)
    assert "y" in written


def test_activations_and_crops_belong_to_the_convolutions() -> None:
    model = small("cms-lapsrn-conv3", 4)
    files = to_ncnn(baked(model))
    lines = lines_of(files)
    kinds = Counter(line[0] for line in lines)
    # Of each level ten in the block, one for the residual; one before them.
    assert kinds["Convolution"] == 2 * 11 + 1
    assert kinds["Deconvolution"] == 4
    assert kinds["ReLU"] == 2 * 3  # Those whose input is read elsewhere, too, or is a sum.
    assert set(kinds) == {"Input", "Split", "Convolution", "Deconvolution", "ReLU", "BinaryOp"}
    features = [line for line in lines if line[0] == "Deconvolution" and "0=8" in line]
    assert len(features) == 2
    for line in features:
        # Authors' crop: the last row and column of 2H + 1 and 2W + 1.
        assert {"1=3", "3=2", "4=0", "14=0", "15=1", "16=1"} <= set(line)
    numbers = sum(8 * 8 * 9 for _ in range(2 * 11)) + 2 * 8 * 9 + 8 * 9 + 2 * 16
    biases = 2 * (11 * 8 + 1) + 8
    tags = kinds["Convolution"] + kinds["Deconvolution"]
    assert len(files.weights) == 4 * (numbers + biases + tags)


@needs_ncnn
@pytest.mark.parametrize(("name", "scale"), NETWORKS)
def test_ncnn_equals_torch(name: str, scale: int) -> None:
    model = small(name, scale)
    forward = prepare(model, "ncnn", "float32", "cpu")
    for n, height, width in [(1, 12, 10), (2, 5, 17), (1, 1, 1), (1, 33, 40)]:
        y = torch.rand(n, 1, height, width)
        assert forward(y).shape == (n, 1, scale * height, scale * width)
        assert largest_error(model, forward, y) < 2e-5


@needs_ncnn
def test_ncnn_equals_torch_with_trained_weights() -> None:
    model = variants.create_model("cms-lapsrn-conv3", 4, pretrained=True)
    forward = prepare(model, "ncnn", "float32", "cpu")
    y = torch.rand(1, 1, 37, 24)
    with torch.inference_mode():
        torch.testing.assert_close(forward(y), model(y), atol=2e-5, rtol=0)


@needs_ncnn
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", ["ms-lapsrn", "cms-lapsrn-conv3", "cms-lapsrn-conv3-lora2"])
def test_ncnn_equals_torch_at_the_borders_of_a_folded_network(name: str, scale: int) -> None:
    model = small(name, scale)
    with torch.no_grad():  # So that a bias that ends at the border shows.
        model.upsampler_at(0).bias.uniform_(-1, 1)
    rewrite = get_backend("folded_ncnn").rewrite
    assert rewrite is not None
    forward = prepare(rewrite(model), "folded_ncnn", "float32", "cpu")
    for n, height, width in [(1, 12, 10), (2, 5, 17), (1, 1, 1), (1, 1, 7)]:
        assert largest_error(model, forward, torch.rand(n, 1, height, width)) < 2e-5


@needs_ncnn
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("crop", ["last", "first"])
def test_both_crops(crop: str, folded: bool) -> None:
    torch.manual_seed(0)
    model = variants.create_model("ms-lapsrn", 2, width=8, crop=crop)
    with torch.no_grad():
        dict(model.named_parameters())["upsampler.bias"].uniform_(-1, 1)
    forward = prepare(fold(model) if folded else model, "ncnn", "float32", "cpu")
    for height, width in [(7, 9), (1, 1)]:
        assert largest_error(model, forward, torch.rand(1, 1, height, width)) < 2e-5


class InPlace(nn.Module):
    """An activation in place of what is read again."""

    def forward(self, y: Tensor) -> Tensor:
        features = y + y
        activated = F.leaky_relu(features, 0.2, inplace=True)
        return features * activated


class EveryOtherRow(nn.Module):
    def forward(self, y: Tensor) -> Tensor:
        return torch.cat([y, y + y], dim=2)[:, :, ::2]


class FirstHalf(nn.Module):
    def forward(self, y: Tensor) -> Tensor:
        return torch.cat([y, y + y], dim=3)[..., : y.shape[3]]


class Twice(nn.Module):
    """One image beside itself."""

    def forward(self, y: Tensor) -> Tensor:
        return torch.cat([y, y], dim=3)


class ByItsValues(nn.Module):
    """Control flow that no graph has."""

    def forward(self, y: Tensor) -> Tensor:
        return y if y.mean() > 0 else y + y


class BySize(nn.Module):
    def forward(self, y: Tensor) -> Tensor:
        return y if y.shape[2] > 20 else y + y


UNWRITTEN = (InPlace, EveryOtherRow, FirstHalf, Twice)


def test_what_has_no_layer_is_refused_in_a_sentence() -> None:
    for model in (small("ms-lapsrn-carafe", 2), *(m() for m in UNWRITTEN)):
        with pytest.raises(BackendUnavailableError, match=r"ncnn cannot have .* for its aten\."):
            to_ncnn(model)


def test_what_torch_cannot_trace_is_refused_in_a_sentence() -> None:
    for model in (ByItsValues(), BySize()):
        with pytest.raises(BackendUnavailableError, match=r"torch cannot trace it for every .*: "):
            to_ncnn(model)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: 8 bytes")])
def test_want_of_memory_is_not_told_as_a_network_that_cannot_be_traced(error: Exception) -> None:
    with pytest.raises(type(error)), exporting("ncnn"):
        raise error


@needs_ncnn
def test_networks_that_ncnn_cannot_have() -> None:
    with pytest.raises(BackendUnavailableError, match="networks of the catalogs"):
        prepare(variants.create_model("bicubic", 2), "ncnn", "float32", "cpu")
    with pytest.raises(BackendUnavailableError, match="Fourier domain"):
        prepare(small("ms-lapsrn-converse", 2), "ncnn", "float32", "cpu")
    with pytest.raises(BackendUnavailableError, match="ncnn computes in float32 on cpu"):
        prepare(small("ms-lapsrn", 2), "ncnn", "bfloat16", "cpu")


@needs_ncnn
def test_the_exported_files_are_what_ncnn_reads(tmp_path: Path) -> None:
    import ncnn

    model = small("cms-lapsrn-conv3", 4)
    path = tmp_path / "x4.param"
    assert export.export(model, path, "ncnn") < 1e-4
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x4.bin", "x4.param"]
    network = ncnn.Net()
    assert network.load_param(str(path)) == 0
    assert network.load_model(str(path.with_suffix(".bin"))) == 0
    y = torch.rand(1, 1, 9, 14)
    given = y[0].numpy()
    extractor = network.create_extractor()
    extractor.input("y", ncnn.Mat(given))
    _, found = extractor.extract("sr")
    with torch.inference_mode():
        np.testing.assert_allclose(np.array(found), model(y)[0].numpy(), atol=1e-4, rtol=1e-2)


@needs_ncnn
def test_what_cannot_be_exported_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"x4\.bin: .* ends in \.param"):
        export.export(small("ms-lapsrn", 2), tmp_path / "x4.bin", "ncnn")
    with pytest.raises(HarnessError, match=r"nothing was written: ncnn cannot"):
        export.export(small("ms-lapsrn-dysample", 2), tmp_path / "x.param", "ncnn")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(HarnessError, match="nothing was written"):
        export.export(small("ms-lapsrn", 2), tmp_path / "x.param", "ncnn")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(HarnessError, match=r"needs the package ncnn: .*\[ncnn\]"):
        export.export(small("ms-lapsrn", 2), tmp_path / "x.param", "ncnn")

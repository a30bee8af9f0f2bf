"""Upsamplers of the zoo against independent ways to compute the same."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

import variants
from harness.measure.cost import compare_counters, measure_cost
from harness.training.initial import initialise
from variants.backbones.ms_lapsrn import MSLapSRN
from variants.upsamplers.base import Upsampler, transposed_conv
from variants.upsamplers.carafe import TAPS
from variants.upsamplers.converse import adjoint, blur_and_decimate, reverse_blur
from variants.upsamplers.inverse import neumann_inverse, strided_responses
from variants.upsamplers.inverse_fourier import inverse_on_torus
from variants.upsamplers.tied_lora import truncated_svd
from variants.weights.files import save_weights

Array = NDArray[np.float64]


def make(name: str, channels: int = 3, **options: Any) -> Any:
    torch.manual_seed(1)
    upsampler: Upsampler = variants.get_upsampler(name)(channels, n_convs=3, **options)
    return upsampler.double()


def make_convs(channels: int = 3) -> list[torch.nn.Conv2d]:
    torch.manual_seed(2)
    return [torch.nn.Conv2d(channels, channels, 3, padding=1).double() for _ in range(3)]


def rand(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


# Sharing


def test_a_turned_kernel_convolves_what_lies_between_zeros() -> None:
    """A transposed convolution with the kernel flipped and transposed is the convolution itself."""
    convs, x = make_convs(), rand(2, 3, 4, 5)
    spread = x.new_zeros(2, 3, 8, 10)
    spread[..., ::2, ::2] = x
    # The last crop reads one to the left, so that the kernel's last tap meets the pixel.
    expected = F.conv2d(F.pad(spread, (2, 0, 2, 0)), convs[1].weight)
    torch.testing.assert_close(
        make("tied", conv=2, bias="none", kernel="turned")(x, convs), expected
    )


@pytest.mark.parametrize(("kernel", "of"), [("flipped", "turned"), ("adjoint", "transposed")])
def test_kernels_are_the_same_numbers_in_four_orders(kernel: str, of: str) -> None:
    convs = make_convs()
    one, other = (make("tied", conv=1, kernel=k).kernel(convs) for k in (kernel, of))
    torch.testing.assert_close(one, other.transpose(0, 1))
    assert not torch.allclose(one, other)


def test_a_mixture_of_one_is_tied() -> None:
    convs, x = make_convs(), rand(1, 3, 4, 4)
    mixture = make("tied-mixture")
    with torch.no_grad():
        mixture.mixture.copy_(torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(mixture(x, convs), make("tied", conv=2)(x, convs))
    gain = make("tied-gain", conv=2)
    torch.testing.assert_close(gain(x, convs), make("tied", conv=2)(x, convs))


def test_shared_shuffles_are_symmetric_about_the_pixel() -> None:
    """Of mirrored features, mirrored kernels make the mirrored result."""
    convs, x = make_convs(), rand(1, 3, 4, 5)
    shuffle = make("shuffle-shared", conv=2)
    for axes in ((2,), (3,), (2, 3)):
        torch.testing.assert_close(shuffle(x.flip(axes), convs), shuffle(x, convs).flip(axes))
    first = F.conv2d(x, convs[1].weight, padding=1)
    torch.testing.assert_close(shuffle(x, convs)[..., ::2, ::2], first)


def test_shuffled_convolutions_are_those_of_the_block() -> None:
    convs, x = make_convs(), rand(1, 3, 4, 5)
    found = make("shuffle-shared", conv=3, phases="convs")(x, convs)
    for phase, conv in enumerate((2, 0, 1, 2)):
        row, column = divmod(phase, 2)
        expected = F.conv2d(x, convs[conv].weight, padding=1)
        torch.testing.assert_close(found[..., row::2, column::2], expected)


# Inverses


def dense_strided(weight: Array, height: int, width: int) -> Array:
    """The periodic stride-2 convolution, written out, as a matrix from images to features."""
    outs, ins = weight.shape[:2]
    matrix = np.zeros((outs, height, width, ins, 2 * height, 2 * width))
    for i, j, a, b in np.ndindex(height, width, 3, 3):
        row, column = (2 * i + a) % (2 * height), (2 * j + b) % (2 * width)
        matrix[:, i, j, :, row, column] += weight[:, :, a, b]
    return matrix.reshape(outs * height * width, -1)


@pytest.mark.parametrize("grid", [3, 4, 5])
def test_the_inverse_by_fourier_is_that_of_a_dense_matrix(grid: int) -> None:
    weight, ridge = make_convs(2)[0].weight.detach(), 0.1
    dense = dense_strided(weight.numpy(), grid, grid)
    gram = dense @ dense.T
    # The ridge is a share of the kernel's energy per output: of the diagonal without wrapping.
    energy = float(weight.square().sum((1, 2, 3)).mean())
    inverse = np.linalg.inv(gram + ridge * energy * np.eye(len(gram)))
    responses = inverse.reshape(2, grid, grid, 2, grid, grid)[:, :, :, :, 0, 0]
    found = inverse_on_torus(weight, grid, ridge)
    np.testing.assert_allclose(found.numpy(), responses.transpose(3, 0, 1, 2), atol=1e-10)


def test_the_fourier_kernel_is_the_middle_of_the_pseudo_inverse() -> None:
    convs, grid = make_convs(2), 6
    upsampler = make("inverse-fourier", 2, conv=2, ridge=1e-6, grid=grid)
    dense = dense_strided(convs[1].weight.detach().numpy(), grid, grid)
    pseudo = np.linalg.pinv(dense).reshape(2, 2 * grid, 2 * grid, 2, grid, grid)
    # Of an impulse at pixel (2, 2), the outputs at 2 i to 2 i + 2.
    expected = pseudo[:, 4:7, 4:7, :, 2, 2].transpose(3, 0, 1, 2)
    found = upsampler.kernel(convs).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def dense_responses(weight: Array) -> Array:
    """From 3x3 kernels (C_x, 3, 3) to responses (C_y, 3, 3) at offsets -1 to 1, written out."""
    outs, ins = weight.shape[:2]
    matrix = np.zeros((outs, 3, 3, ins, 3, 3))
    for s, t, a, b in np.ndindex(3, 3, 3, 3):
        # The convolution at LR offset s - 1 reads what the impulse at 0 left at 2 (s - 1) + a.
        row, column = 2 * (s - 1) + a, 2 * (t - 1) + b
        if 0 <= row < 3 and 0 <= column < 3:
            matrix[:, s, t, :, row, column] += weight[:, :, a, b]
    return matrix.reshape(outs * 9, ins * 9)


def near_identity(noise: float = 0.15) -> torch.Tensor:
    weight = noise * make_convs(2)[0].weight.detach()
    weight[:, :, 1, 1] += torch.eye(2)
    return weight


def test_neumann_series_goes_from_the_adjoint_to_the_best_inverse() -> None:
    weight = near_identity()
    matrix = dense_responses(weight.numpy())
    wanted = np.zeros((2, 9, 2))
    wanted[[0, 1], 4, [0, 1]] = 1
    best = np.linalg.lstsq(matrix, wanted.reshape(18, 2), rcond=None)[0]
    expected = best.reshape(2, 3, 3, 2).transpose(3, 0, 1, 2)
    adjoint_kernel = neumann_inverse(weight, 0)
    torch.testing.assert_close(
        adjoint_kernel / adjoint_kernel.norm(), weight / weight.norm(), msg="adjoint at first"
    )
    distances = [
        float(np.linalg.norm(matrix @ (kernel.numpy().reshape(2, 18).T - best)))
        for kernel in (neumann_inverse(weight, steps) for steps in (0, 1, 2, 4, 8, 16))
    ]
    assert distances == sorted(distances, reverse=True)
    found = neumann_inverse(weight, 1000).numpy()
    residual = np.linalg.norm(matrix @ found.reshape(2, 18).T - wanted.reshape(18, 2))
    least = np.linalg.norm(matrix @ expected.reshape(2, 18).T - wanted.reshape(18, 2))
    assert residual == pytest.approx(least, abs=0.02)


def test_strided_convolution_undoes_the_inverse() -> None:
    """What the upsampler is for: D(up(y)) comes nearer to y than with the adjoint."""
    convs, y = make_convs(2), rand(1, 2, 12, 12)
    with torch.no_grad():
        convs[0].weight.copy_(near_identity(0.6))

    def error(kernel: torch.Tensor) -> float:
        large = transposed_conv(y, kernel, None, "last")
        back = F.conv2d(F.pad(large, (0, 1, 0, 1)), convs[0].weight, stride=2)
        return ((back - y)[..., 2:-2, 2:-2].norm() / y[..., 2:-2, 2:-2].norm()).item()

    adjoint_error = error(neumann_inverse(convs[0].weight, 0))
    assert error(make("inverse", 2, conv=1, steps=8).kernel(convs)) < 0.5 * adjoint_error
    fourier = make("inverse-fourier", 2, conv=1, ridge=0.001)
    assert error(fourier.kernel(convs)) < 0.5 * adjoint_error


@pytest.mark.parametrize(
    "derive",
    [
        lambda w: neumann_inverse(w, 3),
        lambda w: inverse_on_torus(w, 3, 0.1),
        lambda w: strided_responses(w, w),
    ],
    ids=["neumann", "fourier", "responses"],
)
def test_gradients_through_an_inverse_are_exact(derive: Any) -> None:
    weight = make_convs(2)[0].weight.detach().requires_grad_()
    assert torch.autograd.gradcheck(derive, (weight,), atol=1e-5)


def dense_blur(kernel: Array, height: int, width: int) -> Array:
    matrix = np.zeros((height, width, 2 * height, 2 * width))
    for i, j, a, b in np.ndindex(height, width, 5, 5):
        matrix[i, j, (2 * i + a - 2) % (2 * height), (2 * j + b - 2) % (2 * width)] += kernel[a, b]
    return matrix.reshape(height * width, -1)


@pytest.mark.parametrize("size", [(3, 3), (4, 3), (5, 6)])
def test_reverse_blur_is_the_dense_solution(size: tuple[int, int]) -> None:
    height, width = size
    kernel, weight = rand(2, 1, 5, 5), torch.tensor([0.3, 0.02]).double()[:, None, None]
    features, start = rand(1, 2, height, width), rand(1, 2, 2 * height, 2 * width) - 0.5
    found = reverse_blur(features, start, kernel, weight)
    for channel in range(2):
        dense = dense_blur(kernel[channel, 0].numpy(), height, width)
        y, x0 = features[0, channel].numpy().ravel(), start[0, channel].numpy().ravel()
        share = float(weight[channel])
        expected = np.linalg.solve(
            dense.T @ dense + share * np.eye(dense.shape[1]), dense.T @ y + share * x0
        )
        np.testing.assert_allclose(found[0, channel].numpy().ravel(), expected, atol=1e-10)
        ours = blur_and_decimate(start, kernel)[0, channel].numpy().ravel()
        np.testing.assert_allclose(ours, dense @ x0, atol=1e-12)
        back = adjoint(features, kernel)[0, channel].numpy().ravel()
        np.testing.assert_allclose(back, dense.T @ y, atol=1e-12)


# Weights of their own


def test_a_shuffle_starts_as_nearest_neighbour_resizing() -> None:
    shuffle, x = make("shuffle"), rand(1, 3, 4, 5)
    kernel = shuffle.conv.weight[::4]
    expected = F.interpolate(F.conv2d(x, kernel, padding=1), scale_factor=2, mode="nearest")
    torch.testing.assert_close(shuffle(x, []), expected)


def test_a_grouped_kernel_is_a_block_diagonal_one() -> None:
    grouped, x = make("grouped", 4, groups=2), rand(1, 4, 3, 5)
    kernel = torch.zeros(4, 4, 3, 3).double()
    kernel[:2, :2], kernel[2:, 2:] = grouped.weight[:2], grouped.weight[2:]
    torch.testing.assert_close(grouped(x, []), transposed_conv(x, kernel, None, "last"))


def test_a_separable_kernel_is_a_product() -> None:
    separable, x = make("separable"), rand(1, 3, 3, 5)
    mix, spread = separable.mix.weight[:, :, 0, 0], separable.weight[:, 0]
    kernel = mix.T[:, :, None, None] * spread[None]
    torch.testing.assert_close(separable(x, []), transposed_conv(x, kernel, None, "last"))


def test_attention_weights_each_pixel() -> None:
    attention, x = make("pixel-attention"), rand(1, 3, 3, 4)
    with torch.no_grad():
        attention.attention.weight.zero_()
        attention.attention.bias.copy_(torch.tensor([0.0, 40.0, -40.0]))
    resized = make("resize-conv")
    resized.conv.load_state_dict(attention.conv.state_dict())
    expected = resized(x, []) * torch.tensor([0.5, 1, 0])[:, None, None]
    torch.testing.assert_close(attention(x, []), expected)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_a_truncated_svd_is_the_best_of_its_rank(rank: int) -> None:
    matrix = rand(4, 9)
    left, right = truncated_svd(matrix, rank)
    values = np.linalg.svd(matrix.numpy(), compute_uv=False)
    error = float((left @ right - matrix).square().sum())
    assert error == pytest.approx(float((values[rank:] ** 2).sum()), abs=1e-12)
    assert (left.shape, right.shape) == ((4, rank), (rank, 9))


@pytest.mark.parametrize("name", ["low-rank", "tied-lora"])
def test_a_full_rank_starts_as_the_transposed_convolution(name: str) -> None:
    options = {"conv": 2, "levels": 2} if name == "tied-lora" else {}
    convs, own = make_convs(), make("transposed")
    with torch.no_grad():
        own.bias.copy_(torch.arange(3.0))
    for rank, near in ((3, 1e-9), (1, 10.0)):
        upsampler, x = make(name, rank=rank, **options), rand(1, 3, 4, 5)
        assert upsampler.start_from(own.weight, own.bias, convs)
        for level in range(options.get("levels", 1)):
            difference = upsampler.at_level(level, x, convs) - own(x, convs)
            assert (difference.abs().max() < 1e-9) == (near < 1)


@pytest.mark.parametrize("name", ["cms-lapsrn-conv3-lora2", "ms-lapsrn-low-rank"])
def test_a_training_starts_near_the_trained_upsampler(name: str, tmp_path: Path) -> None:
    """At full rank the network that is to be trained is the trained one."""
    trained, variant = variants.create_model("ms-lapsrn", 8), variants.get_variant(name)
    save_weights(trained, tmp_path / "w.safetensors", variants.get_variant("ms-lapsrn"), 8, {})
    network = variants.create_model(name, 8, rank=64)
    note = initialise(network, variant, 8, tmp_path / "w.safetensors").note
    assert "as near as can be" in note
    y = torch.rand(1, 1, 5, 4)
    torch.testing.assert_close(network(y), trained(y), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["ms-lapsrn-shuffle", "ms-lapsrn-inverse", "ms-lapsrn-nearest"])
def test_other_upsamplers_start_fresh_on_a_trained_trunk(name: str, tmp_path: Path) -> None:
    """A tensor that is called alike is not another upsampler's."""
    trained, variant = variants.create_model("ms-lapsrn", 8), variants.get_variant(name)
    save_weights(trained, tmp_path / "w.safetensors", variants.get_variant("ms-lapsrn"), 8, {})
    network, fresh = (variants.create_model(name, 8) for _ in range(2))
    fresh.load_state_dict(network.state_dict())
    initialise(network, variant, 8, tmp_path / "w.safetensors")
    assert isinstance(trained, MSLapSRN)
    assert isinstance(network, MSLapSRN)
    assert torch.equal(network.block[2].weight, trained.block[2].weight)
    for key, value in network.state_dict().items():
        if key.startswith("upsampler.") and key != "upsampler.bias":
            assert torch.equal(value, fresh.state_dict()[key])


# Content-aware


def test_carafe_is_a_weighted_sum_around_each_pixel() -> None:
    carafe, x = make("carafe", compressed=4), rand(1, 3, 3, 4)
    with torch.no_grad():
        for parameter in carafe.parameters():
            parameter.normal_()
    logits = carafe.encode(carafe.compress(x))[0].detach().view(TAPS**2, 4, 3, 4)
    weights = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(0)
    around = np.pad(x[0].numpy(), ((0, 0), (2, 2), (2, 2)))
    expected = np.zeros((3, 6, 8))
    for row, column in np.ndindex(6, 8):
        i, j, phase = row // 2, column // 2, row % 2 * 2 + column % 2
        window = around[:, i : i + 5, j : j + 5].reshape(3, 25)
        expected[:, row, column] = window @ weights[:, phase, i, j]
    np.testing.assert_allclose(carafe(x, [])[0].detach().numpy(), expected, atol=1e-12)


def test_dysample_without_offsets_is_bilinear_resizing() -> None:
    dysample, x = make("dysample", 4), rand(2, 4, 3, 5)
    with torch.no_grad():
        dysample.offset.weight.zero_()
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(dysample(x, []), expected, atol=1e-6, rtol=1e-6)


def test_dysample_samples_where_its_offsets_say() -> None:
    """Of a ramp, a sample is its place; groups of channels have places of their own."""
    dysample = make("dysample", 4, groups=2)
    columns, rows = torch.arange(9.0).double().expand(9, 9), torch.arange(9.0).double()[:, None]
    x = torch.stack([columns, rows.expand(9, 9)] * 2)[None]
    with torch.no_grad():
        dysample.offset.weight.zero_()
        # Across and down, four phases each, in input pixels after the scope of a quarter.
        bias = torch.arange(16.0).double() / 4
        dysample.offset.bias.copy_(bias)
    found = dysample(x, [])
    for group, phase in np.ndindex(2, 4):
        row, column = divmod(phase, 2)
        across, down = bias[8 * group + phase] / 4, bias[8 * group + 4 + phase] / 4
        place = 4 + (column - 0.5) / 2 + across, 4 + (row - 0.5) / 2 + down
        sample = found[0, 2 * group : 2 * group + 2, 8 + row, 8 + column]
        np.testing.assert_allclose(sample.detach().numpy(), place, atol=1e-5)


# What they cost

DECLARING = {
    "bilinear": "bilinear resizing",
    "carafe": "reassembly",
    "converse": "Fourier transforms",
    "dysample": "bilinear sampling",
    "inverse-fourier": "inverses of complex",
}


@pytest.mark.parametrize("name", variants.list_upsamplers())
def test_a_counter_says_that_it_counts_the_same_only_where_it_does(name: str) -> None:
    model = variants.create_model("ms-lapsrn", 2, upsampler=name, width=4, depth=3, **lent(name))
    cost = measure_cost(model, 12, 20)
    counters = {counter["name"]: counter for counter in cost["counters"]}
    declared = cost.get("uncounted", {})
    assert all(DECLARING.get(name, "") in words for words in declared)
    assert declared or name not in DECLARING
    assert counters["flop_counter"]["difference"] == -sum(declared.values())
    fvcore = counters["fvcore"]
    assert ("Counts the same" in fvcore["note"]) == (fvcore["difference"] == 0)
    for words in declared:
        assert words in counters["closed_form"]["note"]
        for tool in ("flop_counter", "ptflops_aten"):
            assert f"does not see {words}" in counters[tool]["note"]
    assert sum(module["macs"] for module in cost["modules"]) == cost["macs"]


def test_fvcore_counts_interpolation_as_we_do() -> None:
    """An independent count of what two upsamplers declare."""
    for name in ("bilinear", "dysample"):
        model = variants.create_model("ms-lapsrn", 2, upsampler=name, width=4)
        assert measure_cost(model, 12, 20)["counters"][1]["difference"] == 0


def test_fvcore_on_small_images_is_fvcore_on_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is derived once a pass is not proportional to the area."""
    from harness.measure import cost
    from harness.system.quiet import no_torchscript_warnings

    traced: list[tuple[int, int]] = []
    trace = cost._fvcore_trace

    def spy(real: Any, height: int, width: int) -> tuple[int, list[str]]:
        traced.append((height, width))
        return trace(real, height, width)

    monkeypatch.setattr(cost, "_fvcore_trace", spy)
    for name in ("inverse", "converse", "tied-lora"):
        model = variants.create_model("ms-lapsrn", 2, upsampler=name, width=4, **lent(name))
        with no_torchscript_warnings():
            whole, _ = trace(model, 24, 40)
        counters = compare_counters(model.to("meta"), model.macs(24, 40), 24, 40)
        assert counters[1].macs == whole
    assert max(traced) < (24, 40)


def lent(name: str) -> dict[str, Any]:
    """A convolution for an upsampler that needs one."""
    conv = inspect.signature(variants.get_upsampler(name)).parameters.get("conv")
    return {"conv": 2} if conv is not None and conv.default is conv.empty else {}

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from variants import create_model, processor
from variants.kernels import conv_to_image, conv_transpose2d_padded, enabled_for, fast_kernels
from variants.upsamplers.base import transposed_conv


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(0, 2),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    crop=st.sampled_from(["last", "first"]),
    with_bias=st.booleans(),
    with_gradients=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_equals_the_transposed_convolution(
    n, size, channels, crop, with_bias, with_gradients, seed
):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, channels[0], *size, generator=generator, dtype=torch.float64)
    weight = torch.randn(*channels, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(channels[1], generator=generator, dtype=torch.float64)
    arguments = (features, weight, bias if with_bias else None, crop)
    expected = transposed_conv(*arguments)
    with fast_kernels(), torch.set_grad_enabled(with_gradients):
        torch.testing.assert_close(transposed_conv(*arguments), expected)


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.sampled_from([(1, 1, 1), (3, 2, 1), (4, 2, 2), (4, 4, 4)]),
    with_bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_padded_input_takes_the_place_of_the_crop(size, channels, with_bias, seed):
    """What a GPU computes; no test has one, so the operators are compared here."""
    c_in, c_out, groups = channels
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    features, weight = random(2, c_in, *size), random(c_in, c_out // groups, 3, 3)
    bias = random(c_out) if with_bias else None
    outputs = [
        conv_transpose2d_padded(features, weight, bias, groups),
        transposed_conv(features, weight, bias, "last", groups),
    ]
    wanted = random(*outputs[0].shape)
    inputs = [tensor for tensor in (features, weight, bias) if tensor is not None]
    ours, plain = (torch.autograd.grad((out * wanted).sum(), inputs) for out in outputs)
    torch.testing.assert_close([outputs[0], *ours], [outputs[1], *plain])


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(0, 2),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.integers(1, 4),
    with_bias=st.booleans(),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
    seed=st.integers(0, 1000),
)
def test_equals_the_convolution_to_the_image(n, size, channels, with_bias, layout, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, channels, *size, generator=generator, dtype=torch.float64)
    features = features.contiguous(memory_format=layout)
    conv = torch.nn.Conv2d(channels, 1, 3, padding=1, bias=with_bias, dtype=torch.float64)
    with torch.no_grad():
        expected = conv(features)
        with fast_kernels():
            torch.testing.assert_close(conv_to_image(conv, features), expected)


@pytest.mark.parametrize("name", ["ms-lapsrn", "cms-lapsrn-conv3", "lapsrn"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_compute_the_same_with_the_same_gradients(name, dtype):
    torch.manual_seed(0)
    model = create_model(name, 4, width=16).to(dtype)
    y = torch.rand(2, 1, 6, 5, dtype=dtype)

    def outputs_and_gradients():
        model.zero_grad()
        output = model(y)
        output.square().sum().backward()
        return [
            output.detach(),
            *(p.grad.clone() for p in model.parameters() if p.grad is not None),
        ]

    slow = outputs_and_gradients()
    with fast_kernels():
        fast = outputs_and_gradients()
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["ms-lapsrn", "cms-lapsrn-conv3", "lapsrn"])
@pytest.mark.parametrize("scale", [2, 4])
def test_networks_compute_the_same_without_gradients(name, scale):
    torch.manual_seed(0)
    model = create_model(name, scale, width=16)
    y = torch.rand(2, 1, 6, 5)
    with torch.inference_mode():
        slow = model(y)
        with fast_kernels():
            torch.testing.assert_close(model(y), slow, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("amx", [False, True])
def test_bf16_features_stay_as_near_as_bf16_can(amx, monkeypatch):
    monkeypatch.setattr(processor, "has_amx", lambda: amx)
    torch.manual_seed(0)
    model = create_model("cms-lapsrn-conv3", 4)
    y = torch.rand(1, 1, 12, 10)
    with torch.inference_mode():
        exact = model(y)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model(y)
            with fast_kernels():
                fast = model(y)
    assert fast.dtype == torch.float32
    assert (fast - exact).abs().max() < 2 * (rounded - exact).abs().max() + 1e-6


def test_contexts_of_two_threads_may_end_in_any_order():
    first, second = fast_kernels(), fast_kernels()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert enabled_for(torch.zeros(1))
    second.__exit__(None, None, None)
    assert not enabled_for(torch.zeros(1))


def test_only_the_context_and_only_the_cpu():
    here, elsewhere = torch.zeros(1), torch.zeros(1, device="meta")
    assert not enabled_for(here)
    with fast_kernels():
        assert enabled_for(here)
        assert not enabled_for(elsewhere)
        with fast_kernels():
            pass
        assert enabled_for(here)
    assert not enabled_for(here)

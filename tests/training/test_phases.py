import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.training.phases import fast_upsampling, phase_transposed_conv
from variants import create_model
from variants.upsamplers.base import transposed_conv


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(0, 2),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    crop=st.sampled_from(["last", "first"]),
    with_bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_equals_the_transposed_convolution(n, size, channels, crop, with_bias, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, channels[0], *size, generator=generator, dtype=torch.float64)
    weight = torch.randn(*channels, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(channels[1], generator=generator, dtype=torch.float64)
    arguments = (features, weight, bias if with_bias else None, crop)
    torch.testing.assert_close(phase_transposed_conv(*arguments), transposed_conv(*arguments))


@pytest.mark.parametrize("name", ["ms-lapsrn", "cms-lapsrn-conv3", "lapsrn"])
def test_networks_compute_the_same_with_the_same_gradients(name):
    torch.manual_seed(0)
    model = create_model(name, 4, width=8).double()
    y = torch.rand(1, 1, 6, 5, dtype=torch.float64)

    def outputs_and_gradients():
        model.zero_grad()
        output = model(y)
        output.square().sum().backward()
        return [output.detach(), *(p.grad.clone() for p in model.parameters())]

    slow = outputs_and_gradients()
    with fast_upsampling():
        fast = outputs_and_gradients()
    torch.testing.assert_close(fast, slow)


def test_only_the_context_changes_the_package():
    from variants.upsamplers import tied, transposed

    with fast_upsampling():
        assert tied.transposed_conv is phase_transposed_conv
        assert transposed.transposed_conv is phase_transposed_conv
    assert tied.transposed_conv is transposed_conv
    assert transposed.transposed_conv is transposed_conv

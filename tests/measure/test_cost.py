"""Counters against closed forms, and the tools against each other."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import variants
from harness.measure.cost import count_upsampler_params, measure_cost, weight_bytes
from harness.measure.operators import count_operators

D5R2_4X_720P = 117_486_489_600


@pytest.fixture(scope="module")
def d5r2() -> dict[str, dict[str, object]]:
    """Costs of MS-LapSRN and one tied variant, 4x, for a 1280x720 output."""
    return {
        name: measure_cost(variants.create_model(name, 4), 180, 320)
        for name in ("ms-lapsrn", "cms-lapsrn-conv3")
    }


@pytest.mark.parametrize("category", [FutureWarning, DeprecationWarning])
@pytest.mark.parametrize("other", [None, "numpy.jit is deprecated"])
def test_torchscript_deprecation_warnings_are_hidden(
    category: type[Warning], other: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warning(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def warn(*arguments: Any, **options: Any) -> Any:
            warnings.warn(other or f"`torch.jit.{name}` is deprecated.", category, stacklevel=2)
            return function(*arguments, **options)

        return warn

    for name in [name for name in sys.modules if name.partition(".")[0] == "fvcore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(torch.jit, "script", warning(lambda function, **_: function, "script"))
    trace = warning(vars(torch.jit)["_get_trace_graph"], "trace")
    monkeypatch.setattr(torch.jit, "_get_trace_graph", trace)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        cost = measure_cost(variants.create_model("ms-lapsrn", 2), 9, 16)
    (counter,) = (c for c in cost["counters"] if c["name"] == "fvcore")
    assert counter["difference"] == 0
    told = [str(w.message) for w in seen if issubclass(w.category, category)]
    assert (str(other) in told) == bool(other)
    assert not any("torch.jit" in text for text in told)


@pytest.mark.parametrize("name", ["ms-lapsrn", "cms-lapsrn-conv3"])
def test_counters_at_720p(d5r2: dict[str, dict[str, object]], name: str) -> None:
    cost = d5r2[name]
    counted = {c["name"]: c["macs"] for c in cost["counters"]}  # type: ignore[attr-defined]
    assert cost["macs"] == D5R2_4X_720P
    assert cost["flops"] == 2 * D5R2_4X_720P
    assert counted["closed_form"] == counted["fvcore"] == counted["flop_counter"] == D5R2_4X_720P
    # One operation more per output element of each biased convolution.
    assert counted["ptflops_aten"] == pytest.approx(117.7494e9, abs=0.0002e9)


def test_tied_costs_the_same_and_owns_less(d5r2: dict[str, dict[str, object]]) -> None:
    own, tied = d5r2["ms-lapsrn"], d5r2["cms-lapsrn-conv3"]
    assert (own["params"], tied["params"]) == (222_801, 185_937)
    assert (own["upsampler_params"], tied["upsampler_params"]) == (36_928, 64)
    assert own["macs"] == tied["macs"]
    assert own["activations"] == tied["activations"]
    assert int(str(own["weight_bytes"])) - int(str(tied["weight_bytes"])) >= 4 * 36_864


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", variants.list_models())
def test_operators_add_up_to_the_closed_form(name: str, scale: int) -> None:
    model = variants.create_model(name, scale)
    closed = model.macs(6, 10)
    counts = count_operators(model.to("meta"), 6, 10)
    assert counts.macs == closed


def test_modules_of_a_report_add_up() -> None:
    cost = measure_cost(variants.create_model("lapsrn", 4), 9, 16)
    assert sum(m["macs"] for m in cost["modules"]) == cost["macs"]
    assert sum(m["params"] for m in cost["modules"]) == cost["params"]
    assert {m["type"] for m in cost["modules"]} == {
        "Conv2d",
        "ConvTranspose2d",
        "TransposedUpsampler",
    }


def test_activations_in_closed_form() -> None:
    """D5R2 at 2x: conv_in, ten convolutions, the uncropped upsampler, residual, image branch."""
    h, w, c = 6, 10, 64
    counts = count_operators(variants.create_model("ms-lapsrn", 2).to("meta"), h, w)
    expected = c * h * w + 10 * c * h * w + c * (2 * h + 1) * (2 * w + 1) + 2 * 4 * h * w
    assert counts.activations == expected


def test_lapsrn_upsamplers_are_counted_at_every_level() -> None:
    assert count_upsampler_params(variants.create_model("lapsrn", 8)) == 3 * 36_928


def test_weight_bytes_is_a_real_files_size() -> None:
    from safetensors.torch import save

    model = variants.create_model("ms-lapsrn", 4)
    expected = len(save(dict(model.state_dict())))
    assert weight_bytes(model) == expected
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert weight_bytes(model) == expected
    assert weight_bytes(variants.create_model("bicubic", 4)) == 0


class Known(nn.Module):
    """Holds its input, one copy of it, and frees the copy of the copy before the next."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        y = y * 2  # The old y dies only after the new one exists.
        return y[..., :1]  # A view: no memory of its own.


def test_peak_memory_of_a_known_forward() -> None:
    counts = count_operators(Known(), 8, 8)
    assert counts.peak_bytes == 3 * 8 * 8 * 4


def test_peak_memory_agrees_with_the_profiler() -> None:
    """On operators without scratch memory, torch's profiler sees the same peak."""
    from torch.profiler import ProfilerActivity, profile

    x = torch.rand(1, 1, 64, 64)
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as prof:
        Known()(x)
    live = peak = 0
    for event in prof.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    # The profiler also sees the few bytes of the numbers that the operators take.
    assert count_operators(Known(), 64, 64).peak_bytes == pytest.approx(peak + 4 * 64**2, abs=64)

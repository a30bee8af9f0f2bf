"""What a network costs: parameters, MACs by several counters, activations, memory."""

import copy
import logging
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from harness.measure.operators import count_operators
from harness.system.quiet import no_torchscript_warnings
from variants.backbones.base import SRModel
from variants.upsamplers.base import Upsampler


@dataclass(frozen=True)
class Counter:
    """One tool's MACs beside our closed form.

    Attributes:
        name: ``closed_form``, ``fvcore``, ``flop_counter`` or ``ptflops_aten``.
        version: of the tool.
        macs: None where the tool failed; ``note`` then says how.
        difference: its MACs minus the closed form's.
        note: what it leaves out or adds.
    """

    name: str
    version: str
    macs: int | None
    difference: int | None
    note: str


def count_params(model: nn.Module) -> int:
    """Parameters, each counted once however often it is used."""
    return sum(p.numel() for p in model.parameters())


def count_upsampler_params(model: nn.Module) -> int:
    """Parameters that the feature upsamplers own (a shared weight is the convolution's)."""
    own = {p for m in model.modules() if isinstance(m, Upsampler) for p in m.parameters()}
    return sum(p.numel() for p in own)


def weight_bytes(model: nn.Module) -> int:
    """Bytes of the weights as a safetensors file without metadata."""
    from safetensors.torch import save

    state = {k: torch.zeros(v.shape, dtype=v.dtype) for k, v in model.state_dict().items()}
    return len(save(state)) if state else 0


def measure_cost(model: SRModel, lr_height: int, lr_width: int) -> dict[str, Any]:
    """All cost figures of a model for one H x W LR image.

    Args:
        model: any device; it is copied to meta tensors, nothing is computed.
        lr_height: pixels.
        lr_width: pixels.

    Returns:
        ``params``, ``upsampler_params``, ``weight_bytes``, ``macs`` (closed form), ``flops``
        (2 x MACs), ``activations``, ``peak_memory_bytes``, ``counters`` (a list of
        :class:`Counter` as dicts) and ``modules`` (per-module breakdown).
    """
    meta = copy.deepcopy(model).to("meta").eval()
    operators = count_operators(meta, lr_height, lr_width)
    macs = model.macs(lr_height, lr_width)
    return {
        "params": count_params(model),
        "upsampler_params": count_upsampler_params(model),
        "weight_bytes": weight_bytes(model),
        "macs": macs,
        "flops": 2 * macs,
        "activations": operators.activations,
        "peak_memory_bytes": operators.peak_bytes,
        "peak_memory_method": "largest sum of live tensors (parameters, input and intermediate "
        "results) during one forward pass, without scratch memory inside operators",
        "lr_height": lr_height,
        "lr_width": lr_width,
        "counters": [asdict(c) for c in compare_counters(meta, macs, lr_height, lr_width)],
        "modules": [
            {
                "name": name,
                "type": type(meta.get_submodule(name) if name != "(root)" else meta).__name__,
                "params": count_params(meta.get_submodule(name)) if name != "(root)" else 0,
                "macs": tally.macs,
                "activations": tally.activations,
            }
            for name, tally in operators.modules.items()
        ],
    }


def compare_counters(meta: SRModel, macs: int, height: int, width: int) -> list[Counter]:
    """The closed form and three public tools on the same meta model and input size."""
    counters = [
        Counter(
            "closed_form",
            "1",
            macs,
            0,
            "Convolutions and transposed convolutions from their sizes; a transposed convolution "
            "counts per input position. Biases, activations and additions count nothing.",
        )
    ]
    if count_params(meta) == 0:
        return counters
    tools = (
        (
            "fvcore",
            version("fvcore"),
            _fvcore,
            (
                "Counts the same; calls its MACs FLOPs. LeakyReLU and additions are unsupported "
                "operators to it and count nothing. It needs a real forward pass: one on a smaller "
                "image is traced and scaled by the area, to which the closed form is proportional."
            ),
        ),
        (
            "flop_counter",
            torch.__version__,
            _flop_counter,
            (
                "torch.utils.flop_counter reports FLOPs; halved here. Biases and activations count "
                "nothing."
            ),
        ),
        (
            "ptflops_aten",
            version("ptflops"),
            _ptflops_aten,
            (
                "Adds one operation per output element of every biased convolution. (The default "
                "backend of ptflops does not see functional calls, so a tied upsampler would count "
                "as nothing.)"
            ),
        ),
    )
    source = torch.empty(1, 1, height, width, device="meta")
    for name, tool_version, count, note in tools:
        try:
            counted = count(meta, source)
        except Exception as error:  # A tool that breaks must not take the others' figures along.
            counters.append(Counter(name, tool_version, None, None, f"failed: {error}"))
        else:
            counters.append(Counter(name, tool_version, counted, counted - macs, note))
    return counters


def _fvcore(model: SRModel, source: torch.Tensor) -> int:
    """Count by fvcore, which traces a real forward pass: meta tensors fail in its tracer.

    Where the closed form is proportional to the area, a smaller image is traced and the count
    scaled by the area.
    """
    # fvcore compiles its loss functions with TorchScript as it is imported.
    with no_torchscript_warnings():
        return _fvcore_macs(model, source)


def _fvcore_macs(model: SRModel, source: torch.Tensor) -> int:
    from fvcore.nn import FlopCountAnalysis

    height, width = source.shape[-2:]
    shrink = max(f for f in range(1, 9) if height % f == 0 and width % f == 0)
    small = (height // shrink, width // shrink)
    if model.macs(*small) * shrink**2 != model.macs(height, width):
        shrink, small = 1, (height, width)
    real = copy.deepcopy(model).to_empty(device="cpu")
    with torch.no_grad():
        for parameter in real.parameters():
            parameter.zero_()  # Memory as it comes may hold denormals, which are slow.
        analysis = FlopCountAnalysis(real, torch.zeros(1, 1, *small))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.tracer_warnings("none")
        return int(analysis.total()) * shrink**2


def _flop_counter(model: SRModel, source: torch.Tensor) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(source)
    return int(counter.get_total_flops()) // 2


def _ptflops_aten(model: SRModel, source: torch.Tensor) -> int:
    from ptflops import get_model_complexity_info

    level = logging.getLogger().level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counted, _ = get_model_complexity_info(
            model,
            tuple(source.shape[1:]),
            input_constructor=lambda _: {"y": source},
            backend="aten",
            as_strings=False,
            print_per_layer_stat=False,
        )
    logging.getLogger().setLevel(level)
    return int(counted)

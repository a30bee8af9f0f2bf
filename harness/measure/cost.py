"""What a network costs: parameters, MACs by several counters, activations, memory."""

import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from harness.measure.operators import count_operators
from harness.system.quiet import no_torchscript_warnings
from variants.adapter import without_computing
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
        :class:`Counter` as dicts) and ``modules`` (per-module breakdown). Where an upsampler
        declares what counters do not see, ``uncounted``: words to MACs, which ``macs`` holds. Of a
        network from outside ``macs`` is a count, ``upsampler_params`` is left out, and
        ``uncounted_operators`` has what is not counted: names to how often it ran.
    """
    size = lr_height, lr_width
    meta, operators = without_computing(
        model, size, lambda copied, _: (copied, count_operators(copied, *size))
    )
    macs = model.macs(lr_height, lr_width)
    uncounted = dict(model.uncounted(lr_height, lr_width))
    return {
        "params": count_params(model),
        "weight_bytes": weight_bytes(model),
        "macs": macs,
        "flops": 2 * macs,
        "activations": operators.activations,
        "peak_memory_bytes": operators.peak_bytes,
        "peak_memory_method": "largest sum of live tensors (parameters, input and intermediate "
        "results) during one forward pass, without scratch memory inside operators",
        "lr_height": lr_height,
        "lr_width": lr_width,
        **({"uncounted": uncounted} if uncounted else {}),
        **(
            {"upsampler_params": count_upsampler_params(model)}
            if model.closed_form
            else {"uncounted_operators": dict(operators.uncounted)}
        ),
        "counters": [asdict(c) for c in compare_counters(meta, macs, lr_height, lr_width, model)],
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


def compare_counters(
    meta: SRModel, macs: int, height: int, width: int, model: SRModel | None = None
) -> list[Counter]:
    """The closed form and three public tools on the same model and input size.

    Args:
        meta: on the meta device, or on the CPU where its code cannot run so.
        macs: what the others are compared with.
        height: of the LR image.
        width: of the LR image.
        model: with its tensors, which a network from outside may need to run at all.
    """
    if not meta.closed_form:
        return [_NO_CLOSED_FORM, *_tools(meta, macs, height, width, [], model)]
    uncounted = list(meta.uncounted(height, width))
    declared = f" To them it adds {_listed(uncounted)}." if uncounted else ""
    closed_form = Counter(
        "closed_form",
        "1",
        macs,
        0,
        "Convolutions and transposed convolutions from their sizes; a transposed convolution "
        "counts per input position. Biases, activations and additions count nothing."
        f"{declared}",
    )
    if count_params(meta) == 0:
        return [closed_form]
    return [closed_form, *_tools(meta, macs, height, width, uncounted)]


_NO_CLOSED_FORM = Counter(
    "closed_form",
    "1",
    None,
    None,
    "Not known of a network from outside; its MACs are those of torch.utils.flop_counter.",
)


def _tools(
    meta: SRModel,
    macs: int,
    height: int,
    width: int,
    uncounted: Sequence[str],
    model: SRModel | None = None,
) -> list[Counter]:
    """What public tools count; ``model`` is for the one that runs it."""
    unseen = f" It does not see {_listed(uncounted)}." if uncounted else ""
    tools = (
        ("fvcore", version("fvcore"), _fvcore, ""),
        (
            "flop_counter",
            torch.__version__,
            _flop_counter,
            (
                "torch.utils.flop_counter reports FLOPs; halved here. Biases and activations count "
                f"nothing.{unseen}"
            ),
        ),
        (
            "ptflops_aten",
            version("ptflops"),
            _ptflops_aten,
            (
                "Adds one operation per output element of every biased convolution. (The default "
                "backend of ptflops does not see functional calls, so a tied upsampler would count "
                f"as nothing.){unseen}"
            ),
        ),
    )
    device = next((p.device for p in meta.parameters()), torch.device("meta"))
    source = torch.empty(1, meta.channels, height, width, device=device)
    counters = []
    for name, tool_version, count, note in tools:
        try:
            real = model if count is _fvcore else None
            counted, extra = count(real or meta, source)
        except Exception as error:  # A tool that breaks must not take the others' figures along.
            counters.append(Counter(name, tool_version, None, None, f"failed: {error}"))
        else:
            words = note or _fvcore_note(
                counted == macs, extra, uncounted, closed_form=meta.closed_form
            )
            counters.append(Counter(name, tool_version, counted, counted - macs, words))
    return counters


def _listed(words: Sequence[str]) -> str:
    return "; ".join(words)


def _fvcore_note(
    same: bool, extra: Sequence[str], uncounted: Sequence[str], *, closed_form: bool
) -> str:
    """What fvcore's figure holds: ``extra`` operators beside convolutions and matrix products."""
    rest = (
        "LeakyReLU and additions are unsupported operators to it and count nothing. It needs a "
        "real forward pass: one on a smaller image is traced and scaled by the area, to which the "
        "closed form is proportional."
    )
    if not closed_form:
        rest = (
            "Operators that it does not know count nothing. It needs a real forward pass: one on a "
            "smaller image is traced, and scaled where that is exact."
        )
    if same:
        return f"Counts the same; calls its MACs FLOPs. {rest}"
    adds = f" Counts {_listed(extra)} as well." if extra else ""
    lacks = f" It does not see {_listed(uncounted)}." if uncounted else ""
    return f"Calls its MACs FLOPs.{adds}{lacks} {rest}"


Counted = tuple[int, Sequence[str]]
"""A tool's MACs, and the names of other operators that are among them, where it tells."""


def _fvcore(model: SRModel, source: torch.Tensor) -> Counted:
    """Count by fvcore, which traces a real forward pass: meta tensors fail in its tracer.

    Where the closed form is proportional to the area, or height, width and area together give it, a
    smaller image is traced and the count scaled likewise.
    """
    # fvcore compiles its loss functions with TorchScript as it is imported.
    with no_torchscript_warnings():
        return _fvcore_macs(model, source)


def _fvcore_macs(model: SRModel, source: torch.Tensor) -> Counted:
    height, width = source.shape[-2:]
    shrink = max(f for f in range(1, 9) if height % f == 0 and width % f == 0)
    small = (height // shrink, width // shrink)
    real = copy.deepcopy(model)
    if any(parameter.is_meta for parameter in model.parameters()):
        real.to_empty(device="cpu")
        with torch.no_grad():
            for tensor in (*real.parameters(), *real.buffers()):
                tensor.zero_()  # Memory as it comes may hold denormals, or no index of anything.

    def seen(h: int, w: int) -> int:
        """The closed form, as far as a tool can see it."""
        return model.macs(h, w) - sum(model.uncounted(h, w).values())

    def trace(h: int, w: int) -> int:
        counted, others = _fvcore_trace(real, h, w)
        extra.update(dict.fromkeys(others))
        return counted

    extra: dict[str, None] = {}
    if seen(*small) * shrink**2 == seen(height, width):
        total = trace(*small) * shrink**2
    elif shrink > 2 and _from_small(seen, *small, shrink) == seen(height, width):
        total = _from_small(trace, *small, shrink)
    else:
        total = trace(height, width)
    return total, list(extra)


def _from_small(count: Callable[[int, int], int], height: int, width: int, times: int) -> int:
    """A count at ``times`` the height and width, if it is a + b H + c W + d H W with any numbers.

    A kernel that is derived once a pass is in a, borders are in b and c.
    """
    one, tall = count(height, width), count(2 * height, width)
    wide, both = count(height, 2 * width), count(2 * height, 2 * width)
    more = times - 1
    return one + more * (tall - one + wide - one) + more**2 * (both - tall - wide + one)


def _fvcore_trace(real: SRModel, height: int, width: int) -> tuple[int, list[str]]:
    from fvcore.nn import FlopCountAnalysis

    with torch.no_grad():
        analysis = FlopCountAnalysis(real, torch.zeros(1, real.channels, height, width))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.tracer_warnings("none")
        operators = [name for name, counted in analysis.by_operator().items() if counted]
        return int(analysis.total()), [name for name in operators if name not in _PRODUCTS]


_PRODUCTS = ("conv", "matmul", "mm", "bmm", "addmm", "linear", "einsum")
"""What fvcore calls convolutions and matrix products."""


def _flop_counter(model: SRModel, source: torch.Tensor) -> Counted:
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(source)
    return int(counter.get_total_flops()) // 2, ()


def _ptflops_aten(model: SRModel, source: torch.Tensor) -> Counted:
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
    return int(counted), ()

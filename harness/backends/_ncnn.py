"""A network as ncnn's two files: what the runtime and the export have in common.

The graph that torch exports is written layer by layer. pnnx, ncnn's own converter, drops the crop
behind a transposed convolution; here it becomes that layer's padding. Sources: "param and model
file structure" and "operators" in ncnn's documentation, https://ncnn.readthedocs.io.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.backends import BackendUnavailableError, Forward, exporting

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.fx import Graph, Node

INPUT, OUTPUT = "y", "sr"
"""Names of the blobs that a caller fills and reads."""

_MAGIC: Final = 7767517
_ADD, _SUBTRACT, _MULTIPLY = 0, 1, 2
_NEAREST, _BILINEAR = 1, 2
_TO_THE_END: Final = 2**31 - 1
_LEAKY_RELU: Final = 2

# Numbers of parameters of convolutions, transposed and not.
_ACTIVATION, _SLOPE = 9, 10
_PAD_RIGHT, _PAD_BOTTOM = 15, 16


@dataclass(frozen=True)
class NcnnFiles:
    """A network as ncnn reads it.

    Attributes:
        param: its layers, text.
        weights: of the layers in their order, float32.
    """

    param: str
    weights: bytes


_Params = dict[int, int | float | list[int] | list[float]]


@dataclass
class _Layer:
    kind: str
    output: str
    inputs: "list[_Layer]"
    params: _Params = field(default_factory=dict)
    weights: bytes = b""


def to_ncnn(module: "nn.Module") -> NcnnFiles:
    """A network as ncnn's files, any height and width.

    Args:
        module: in evaluation mode, float32, on the CPU; 1 x 1 x H x W to 1 x 1 x sH x sW. No kernel
            depends on the image.

    Raises:
        BackendUnavailableError: torch cannot trace it, or it does something that is not among the
            layers written here.
    """
    import torch

    sizes = {2: torch.export.Dim("h"), 3: torch.export.Dim("w")}
    with exporting("ncnn"):
        program = torch.export.export(module, (torch.rand(1, 1, 12, 10),), dynamic_shapes=(sizes,))
    signature = program.graph_signature
    stored = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    tensors: Mapping[str, Any] = {**program.constants, **program.state_dict}
    network = _Network({name: tensors[of].detach() for name, of in stored.items()})
    _leave_out_nothings(program.graph)
    for node in program.graph.nodes:
        network.add(node)
    return _files(network.layers)


def _leave_out_nothings(graph: "Graph") -> None:
    """Without assertions, conversions to the dtype that everything is in, and slices of it all."""
    import torch

    aten = torch.ops.aten
    for node in list(graph.nodes):
        whole = node.target == aten.slice.Tensor and node.args[2:] == (0, sys.maxsize)
        if whole or (node.target == aten.to.dtype and node.args[1] == torch.float32):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
        elif node.target == aten._assert_tensor_metadata.default:
            graph.erase_node(node)


class _Network:
    """Layers in their order, from nodes in theirs."""

    def __init__(self, known: "dict[str, Tensor]") -> None:
        self.layers: list[_Layer] = []
        self._known = known  # Of nodes that depend on weights alone.
        self._layer_of: dict[str, _Layer] = {}

    def add(self, node: "Node") -> None:
        given = node.all_input_nodes
        if node.op == "placeholder":
            if node.name not in self._known:
                self._append(node, _Layer("Input", INPUT, []))
        elif node.op == "output":
            self._layer_of[given[0].name].output = OUTPUT
        elif all(one.name in self._known for one in given):
            self._known[node.name] = self._compute(node)
        else:
            inputs = [self._layer_of[one.name] for one in given if one.name not in self._known]
            arguments = self._arguments(node)
            only_reader = all(len(one.users) == 1 for one in given)
            if len(given) == 1 and only_reader and _absorbs(inputs[0], node.target, arguments):
                self._layer_of[node.name] = inputs[0]
                return
            make = _layers(in_place=only_reader).get(node.target)
            layer = make and make(_Layer("", node.name, inputs), arguments)
            if layer is None:
                raise BackendUnavailableError(
                    f"ncnn cannot have this network: for its {node.target} this program writes no "
                    "layer of ncnn"
                )
            self._append(node, layer)

    def _append(self, node: "Node", layer: _Layer) -> None:
        self.layers.append(layer)
        self._layer_of[node.name] = layer

    def _compute(self, node: "Node") -> Any:
        import torch
        from torch.fx.node import map_arg

        args = map_arg(node.args, lambda one: self._known[one.name])
        kwargs = map_arg(node.kwargs, lambda one: self._known[one.name])
        assert callable(node.target)
        with torch.no_grad():
            return node.target(*args, **kwargs)

    def _arguments(self, node: "Node") -> dict[str, Any]:
        """By the operator's own names, with its defaults; weights as tensors."""
        from torch.fx import Node

        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return {}
        arguments = {one.name: one.default_value for one in schema.arguments}
        arguments |= dict(zip(arguments, node.args, strict=False)) | node.kwargs
        return {
            name: self._known.get(value.name, value) if isinstance(value, Node) else value
            for name, value in arguments.items()
        }


def _absorbs(layer: _Layer, target: object, given: Mapping[str, Any]) -> bool:
    """Whether a layer does what its one reader does, too: an activation, or a crop."""
    import torch

    aten = torch.ops.aten
    if "onvolution" not in layer.kind or _ACTIVATION in layer.params:
        return False
    if target in (aten.leaky_relu.default, aten.leaky_relu_.default):
        layer.params |= {_ACTIVATION: _LEAKY_RELU, _SLOPE: [float(given["negative_slope"])]}
        return True
    if target == aten.slice.Tensor and layer.kind.startswith("Deconvolution"):
        # Its padding is cut off its result.
        side = {2: _PAD_BOTTOM, 3: _PAD_RIGHT}.get(given["dim"])
        if side and (given["start"] or 0, given["end"], given["step"]) == (0, -1, 1):
            layer.params[side] += 1  # type: ignore[operator]
            return True
    return False


_Make = Callable[[_Layer, Mapping[str, Any]], _Layer | None]
"""A layer with inputs and output, and an operator's arguments, to that layer complete; None if it
cannot be had so."""


def _layers(in_place: bool) -> dict[object, _Make]:
    """By torch's operators; with those that write where they read, if nobody else reads that."""
    import torch

    aten = torch.ops.aten
    return {
        **({aten.leaky_relu_.default: _leaky_relu} if in_place else {}),
        aten.leaky_relu.default: _leaky_relu,
        aten.conv2d.default: _conv,
        aten.conv_transpose2d.input: _conv_transpose,
        aten.sigmoid.default: lambda to, _: _one(to, "Sigmoid", {}),
        aten.pixel_shuffle.default: lambda to, given: _one(
            to, "PixelShuffle", {0: given["upscale_factor"]}
        ),
        aten.upsample_nearest2d.vec: lambda to, given: _resized(to, _NEAREST, given),
        aten.upsample_bilinear2d.vec: lambda to, given: _resized(to, _BILINEAR, given),
        aten.add.Tensor: lambda to, given: _both(to, _ADD) if given["alpha"] == 1 else None,
        aten.sub.Tensor: lambda to, given: _both(to, _SUBTRACT) if given["alpha"] == 1 else None,
        aten.mul.Tensor: lambda to, _: _both(to, _MULTIPLY),
        aten.slice.Tensor: _crop,
        aten.cat.default: _concat,
        aten.ones_like.default: lambda to, _: _one(to, "Clip", {0: 1.0, 1: 1.0}),
    }


def _one(to: _Layer, kind: str, params: _Params) -> _Layer:
    to.kind, to.params = kind, params
    return to


def _leaky_relu(to: _Layer, given: Mapping[str, Any]) -> _Layer:
    return _one(to, "ReLU", {0: float(given["negative_slope"])})


def _both(to: _Layer, operation: int) -> _Layer | None:
    return _one(to, "BinaryOp", {0: operation}) if len(to.inputs) == 2 else None


def _crop(to: _Layer, given: Mapping[str, Any]) -> _Layer | None:
    """Rows or columns from one on, or up to one, counted from either end."""
    axis, start, end = given["dim"] - 1, given["start"] or 0, given["end"]
    counted = isinstance(start, int) and isinstance(end, int)  # Else they depend on the size.
    if axis not in (1, 2) or given["step"] != 1 or not counted:
        return None
    return _one(to, "Crop", {9: [start], 10: [min(end, _TO_THE_END)], 11: [axis]})


def _concat(to: _Layer, given: Mapping[str, Any]) -> _Layer | None:
    axis = given["dim"] - 1
    all_differ = len(to.inputs) == len(given["tensors"])  # And none is a weight.
    return _one(to, "Concat", {0: axis}) if axis >= 0 and all_differ else None


def _resized(to: _Layer, how: int, given: Mapping[str, Any]) -> _Layer | None:
    if given["scale_factors"] is None or given.get("align_corners"):
        return None
    rows, columns = (float(factor) for factor in given["scale_factors"])
    return _one(to, "Interp", {0: how, 1: rows, 2: columns})


def _conv(to: _Layer, given: Mapping[str, Any]) -> _Layer | None:
    groups = given["groups"]
    to.kind = "Convolution" if groups == 1 else "ConvolutionDepthWise"
    return _with_kernel(to, given, given["weight"], given["padding"])


def _conv_transpose(to: _Layer, given: Mapping[str, Any]) -> _Layer | None:
    weight, groups = given["weight"], given["groups"]
    to.kind = "Deconvolution" if groups == 1 else "DeconvolutionDepthWise"
    # ncnn's order is out x in, of each group; torch's is in x out.
    kernel = weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return _with_kernel(to, given, kernel, given["padding"], given["output_padding"])


def _with_kernel(
    to: _Layer,
    given: Mapping[str, Any],
    kernel: "Tensor",
    padding: Sequence[int],
    more: Sequence[int] = (0, 0),
) -> _Layer | None:
    """A convolution, transposed or not, as both have their parameters and weights.

    Args:
        to: its layer, with its kind.
        given: the operator's arguments.
        kernel: C_out x C_in/groups x rows x columns.
        padding: rows and columns, on both sides.
        more: rows and columns that a transposed one has beyond that.
    """
    import torch

    bias = given["bias"]
    if len(to.inputs) != 1:
        return None  # Its kernel depends on the image.
    rows, columns = kernel.shape[2:]
    (below, right), (down, across) = given["dilation"], given["stride"]
    to.params = {0: len(kernel), 1: columns, 11: rows, 2: right, 12: below, 3: across, 13: down}
    to.params |= {4: padding[1], _PAD_RIGHT: padding[1], 14: padding[0], _PAD_BOTTOM: padding[0]}
    to.params |= {5: int(bias is not None), 6: kernel.numel()}
    if given["groups"] > 1:
        to.params[7] = given["groups"]
    if any(more):
        to.params |= {18: more[1], 19: more[0]}
    # Four zero bytes say that float32 follows.
    parts = [torch.zeros(1), kernel.flatten(), *([] if bias is None else [bias])]
    to.weights = torch.cat(parts).numpy().astype("<f4").tobytes()
    return to


def _files(layers: Sequence[_Layer]) -> NcnnFiles:
    """As ncnn reads them: a blob has one reader, so what several layers read is split first."""
    readers = Counter(id(one) for layer in layers for one in layer.inputs)
    read: Counter[int] = Counter()
    lines: list[str] = []
    blobs = 0
    for layer in layers:
        names = []
        for one in layer.inputs:
            read[id(one)] += 1
            shared = readers[id(one)] > 1
            names.append(f"{one.output}_split_{read[id(one)]}" if shared else one.output)
        params = [_param(key, value) for key, value in layer.params.items()]
        lines.append(_line(layer.kind, layer.output, names, [layer.output], params))
        blobs += 1
        if (copies := readers[id(layer)]) > 1:
            names = [f"{layer.output}_split_{n}" for n in range(1, copies + 1)]
            lines.append(_line("Split", f"{layer.output}_split", [layer.output], names, []))
            blobs += copies
    param = "\n".join([str(_MAGIC), f"{len(lines)} {blobs}", *lines, ""])
    return NcnnFiles(param, b"".join(layer.weights for layer in layers))


def _line(
    kind: str, name: str, inputs: Sequence[str], outputs: Sequence[str], params: Sequence[str]
) -> str:
    counts = (str(len(inputs)), str(len(outputs)))
    return " ".join([f"{kind:<23}", f"{name:<23}", *counts, *inputs, *outputs, *params])


def _param(key: int, value: "int | float | list[int] | list[float]") -> str:
    if isinstance(value, list):
        # What tells ncnn that it is an array, and how many follow.
        return ",".join([f"{-23300 - key}={len(value)}", *(_number(one) for one in value)])
    return f"{key}={_number(value)}"


def _number(value: "int | float") -> str:
    return f"{value:e}" if isinstance(value, float) else str(value)


def run(files: NcnnFiles, threads: int) -> Forward:
    """A network in ncnn.

    Args:
        files: the network.
        threads: to compute with.

    Returns:
        N x 1 x H x W luma to N x 1 x sH x sW, in float32 throughout, one image after the other.

    Raises:
        ImportError: ncnn is missing.
        BackendUnavailableError: ncnn cannot read or run the network.
    """
    import ncnn
    import numpy as np
    import torch

    network = ncnn.Net()
    options = network.opt
    options.num_threads = threads
    options.use_vulkan_compute = False
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_storage = False
    options.use_winograd_convolution = True
    with tempfile.TemporaryDirectory() as folder:
        # Of weights in memory ncnn would keep a pointer, to bytes that go when this ends.
        param, weights = Path(folder) / "network.param", Path(folder) / "network.bin"
        param.write_text(files.param, encoding="ascii")
        weights.write_bytes(files.weights)
        if network.load_param(str(param)) or network.load_model(str(weights)):
            raise BackendUnavailableError(f"ncnn {ncnn.__version__} cannot read this network")

    def one(image: "Tensor") -> "Tensor":
        extractor = network.create_extractor()
        given = np.ascontiguousarray(image.numpy())  # ncnn reads it where it lies.
        extractor.input(INPUT, ncnn.Mat(given))
        failed, found = extractor.extract(OUTPUT)
        if failed:
            raise BackendUnavailableError(f"ncnn {ncnn.__version__} failed with code {failed}")
        return torch.from_numpy(np.array(found))

    def forward(y: "Tensor") -> "Tensor":
        return torch.stack([one(image) for image in y])

    return forward

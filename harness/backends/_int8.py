"""A feature branch in int8, by ONNX Runtime's post-training static quantisation.

QDQ: weights per output channel, activations by their extremes on calibration images. Weights have
7 bits: with 8, processors without VNNI overflow, and figures would depend on the processor.
"""

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.backends import BackendUnavailableError
from harness.data.calibration import calibration_luma
from harness.system.quiet import no_remarks

if TYPE_CHECKING:
    from variants.backbones.base import Pyramid

_BRANCH = "model."
"""What names of weights begin with in the file: the attribute of ``FeatureBranch``."""
_UPSAMPLER = "upsampler"
_STANDS_FOR = {"folded": (_UPSAMPLER, "conv_out")}
"""Layers that others were folded into."""


class Quantiser:
    """Makes int8 files of one network's feature branch.

    Args:
        content: the branch as ONNX in float32.
        model: whose it is; what it makes of the calibration images is what ranges are taken from.
    """

    def __init__(self, content: bytes, model: "Pyramid") -> None:
        import onnx
        from onnxruntime.quantization.shape_inference import quant_pre_process

        self._model = model
        with tempfile.TemporaryDirectory() as folder, no_remarks():
            source, ready = Path(folder) / "a.onnx", Path(folder) / "b.onnx"
            source.write_bytes(content)
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            self._graph = onnx.load(ready)
        _untie(self._graph.graph)
        stored = {tensor.name for tensor in self._graph.graph.initializer}
        # A kernel that is worked out for every image is no constant, which this quantiser needs.
        self._nodes = [
            (node.name, _layer_of(node.input[1]))
            for node in self._graph.graph.node
            if node.op_type in ("Conv", "ConvTranspose") and node.input[1] in stored
        ]

    @property
    def layers(self) -> list[str]:
        """Names of the modules that can be quantised, as ``harness show`` has them."""
        return list(dict.fromkeys(layer for _, layer in self._nodes))

    def all_but(self, in_float: Collection[str]) -> list[str]:
        """The layers that are left when some stay in float32.

        Args:
            in_float: names of layers or dotted parts of them: ``convs.0`` is the first convolution
                of every level, ``convs`` are all of them.

        Raises:
            BackendUnavailableError: a name fits no layer.
        """
        for name in in_float:
            if not any(_is_part(name, layer) for layer in self.layers) and name != _UPSAMPLER:
                raise BackendUnavailableError(
                    f"int8: this network has no layer {name}; there are {', '.join(self.layers)}"
                )
        return [one for one in self.layers if not any(_is_part(name, one) for name in in_float)]

    def quantised(self, layers: Collection[str]) -> bytes:
        """The branch as ONNX with these layers in int8, and all else in float32."""
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

        nodes = [node for node, layer in self._nodes if layer in layers]
        if not nodes:
            content: bytes = self._graph.SerializeToString()
            return content
        with tempfile.TemporaryDirectory() as folder, no_remarks():
            ready, target = Path(folder) / "b.onnx", Path(folder) / "c.onnx"
            onnx.save(self._graph, ready)
            quantize_static(
                ready,
                target,
                _Calibration(self._model),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=nodes,
            )
            return target.read_bytes()


def _layer_of(weight: str) -> str:
    """The module that a weight belongs to; of an upsampler the whole of it."""
    if not weight.startswith(_BRANCH):
        return _UPSAMPLER  # Derived from other weights, which only upsamplers do.
    *parts, _ = weight.removeprefix(_BRANCH).split(".")
    return ".".join(parts[: parts.index(_UPSAMPLER) + 1] if _UPSAMPLER in parts else parts)


def _is_part(name: str, layer: str) -> bool:
    return any(f".{name}." in f".{one}." for one in (layer, *_STANDS_FOR.get(layer, ())))


def _untie(graph: Any) -> None:
    """Give transposed convolutions kernels of their own: the exporter merges equal tensors.

    A kernel that both kinds share would be quantised for both, per output channel of one, which are
    the input channels of the other.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        weight = node.input[1] if node.op_type == "ConvTranspose" else ""
        level, block, conv = weight.partition("convs.")
        if block:
            name = f"{level}{_UPSAMPLER}.of.{conv}"
            if name not in stored:
                copied = type(stored[weight])()
                copied.CopyFrom(stored[weight])
                copied.name = name
                graph.initializer.append(copied)
                stored[name] = copied
            node.input[1] = name


class _Calibration:
    """Features of the calibration images, as the quantiser reads them."""

    def __init__(self, model: "Pyramid") -> None:
        self._features = self._of(model)

    @staticmethod
    def _of(model: "Pyramid") -> "Iterator[dict[str, Any]]":
        import torch

        with torch.inference_mode():
            for y in calibration_luma(model.scale):
                luma = torch.from_numpy(y).float()[None, None]
                yield {"features": model.embed(luma).contiguous().numpy()}

    def get_next(self) -> "dict[str, Any] | None":
        return next(self._features, None)

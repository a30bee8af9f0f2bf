"""A module as ONNX: what the runtime and the export have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.backends import exporting

if TYPE_CHECKING:
    from torch import Tensor, nn


def to_onnx(
    module: "nn.Module", example: "Tensor", given: str, found: Sequence[str] | None = None
) -> bytes:
    """An ONNX file's content, any batch, height and width.

    Args:
        module: in evaluation mode, of one argument.
        example: N x C x H x W with N, H and W above 1, no two of them alike.
        given: name of the input.
        found: names of the outputs, the exporter's own for None.

    Raises:
        ImportError: onnx or onnxscript is missing.
        BackendUnavailableError: torch cannot trace it.
    """
    import onnx  # noqa: F401  torch's exporter needs both, and says so less clearly.
    import onnxscript  # noqa: F401
    import torch

    sizes = {0: torch.export.Dim("n"), 2: torch.export.Dim("h"), 3: torch.export.Dim("w")}
    with exporting("ONNX"):
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=[given],
            output_names=found,
            dynamic_shapes=(sizes,),
        )
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content

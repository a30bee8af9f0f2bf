"""What int8 costs layer by layer."""

from pathlib import Path

import pandas as pd
from torch import Tensor, nn
from tqdm import tqdm

from harness.api import evaluate
from harness.backends import USUALLY_FLOAT, Forward
from harness.backends._int8 import Quantiser
from harness.backends.onnxruntime import feature_branch, forward_of
from variants.backbones.base import Pyramid


def measure(
    model: Pyramid,
    dataset: str | Path,
    *,
    data_root: Path | None = None,
    limit: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """PSNR of a network with one layer at a time in int8, and with the usual ones and all of them.

    Args:
        model: in evaluation mode, float32, on the CPU; not changed.
        dataset: a registered name or a folder, compared as the protocol ``matlab_y`` says.
        data_root: folder that holds the datasets; None takes ``HARNESS_DATA``.
        limit: only the first images.
        progress: whether a bar counts the rows on standard error.

    Returns:
        One row each for float32, every layer alone, what ``int8`` quantises, and all layers:
        ``int8`` (those that are, joined by ``+``), ``dataset``, ``n_images``, ``psnr_y`` (mean over
        images, dB), ``loss_db`` (what float32 has more) and ``bytes`` of the feature branch.

    Raises:
        BackendUnavailableError: a package of the extra ``onnx`` is missing.
        HarnessError, VariantError: as :func:`harness.evaluate`.
    """
    branch = feature_branch(model)
    quantiser = Quantiser(branch, model)
    layers = quantiser.layers
    cases: dict[tuple[str, ...], str] = {(): "float32", **{(layer,): layer for layer in layers}}
    cases[tuple(quantiser.all_but(USUALLY_FLOAT))] = "as int8 usually is"
    cases[tuple(layers)] = "all"
    rows: list[dict[str, object]] = []
    for quantised, name in tqdm(
        cases.items(), unit="row", leave=False, disable=not progress, desc="int8"
    ):
        content = quantiser.quantised(quantised)
        table = evaluate(
            _Wrapped(forward_of(content, model)),
            [dataset],
            [model.scale],
            data_root=data_root,
            limit=limit,
            progress=False,
        )
        psnr = float(table["psnr_y"].mean())
        rows.append(
            {
                "name": name,
                "int8": "+".join(quantised),
                "dataset": str(table["dataset"].iloc[0]),
                "n_images": len(table),
                "psnr_y": psnr,
                "loss_db": float(rows[0]["psnr_y"]) - psnr if rows else 0.0,  # type: ignore[arg-type]
                "bytes": len(content),
            }
        )
    return pd.DataFrame(rows)


class _Wrapped(nn.Module):
    """What another runtime computes, as a module."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self._forward = forward

    def forward(self, y: Tensor) -> Tensor:
        return self._forward(y.float())

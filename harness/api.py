"""The Python entry: evaluate a model in a notebook."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from torch import nn

from harness.data.datasets import Dataset, find_dataset, open_folder
from harness.errors import ConfigError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import DEFAULT_PROTOCOL, get_protocol
from harness.networks.load import evaluation_mode
from harness.system.malloc import ask_for_large_pages
from variants.factory import create_model


def evaluate(
    model: str | nn.Module | Mapping[int, nn.Module],
    datasets: Iterable[str | Path] | Mapping[str, Path] = ("embedded",),
    scales: Iterable[int] = (2, 4, 8),
    protocol: str = DEFAULT_PROTOCOL,
    *,
    data_root: Path | None = None,
    limit: int | None = None,
    device: str = "cpu",
) -> pd.DataFrame:
    """PSNR and SSIM of a model per scale, dataset and image.

    Args:
        model: a variant's name (its shipped weights are used); or a module that maps N x 1 x h x w
            luma in [0, 1] to N x 1 x sh x sw, for one scale; or a mapping from scale to module.
        datasets: registered names, folders, or a mapping from names to folders.
        scales: of 2, 4 and 8; a single module takes a single scale.
        protocol: see :mod:`harness.metrics.protocol`.
        data_root: folder that holds the datasets; None takes ``HARNESS_DATA``.
        limit: only the first images of each dataset.
        device: where the module runs; it is moved there. On a CPU its convolutions' weights are
            laid out channels last meanwhile, which is faster and changes no more than rounding.

    Returns:
        One row per image: ``scale``, ``dataset``, ``protocol``, ``image``, ``hr_height``,
        ``hr_width``, ``psnr_y`` (dB), ``ssim_y``, ``network_seconds``. For means:
        ``table.groupby(["dataset", "scale"])[["psnr_y", "ssim_y"]].mean()``.

    Raises:
        HarnessError, VariantError: unknown names, missing data or weights, unusable images.
    """
    ask_for_large_pages()
    wanted = tuple(scales)
    if isinstance(model, nn.Module) and len(wanted) != 1:
        raise ConfigError("a module serves one scale: pass scales=[...] with one, or a mapping")
    rules = get_protocol(protocol)
    opened = [dataset.limited(limit) for dataset in _open(datasets, data_root)]
    tables = []
    for scale in wanted:
        with evaluation_mode(_module(model, scale), device) as network:
            for dataset in opened:
                rows = evaluate_images(network, list(dataset.images), scale, rules)
                table = pd.DataFrame(rows)
                table.insert(0, "protocol", rules.name)
                table.insert(0, "dataset", dataset.name)
                table.insert(0, "scale", scale)
                tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _open(
    datasets: Iterable[str | Path] | Mapping[str, Path], data_root: Path | None
) -> list[Dataset]:
    if isinstance(datasets, str | Path):
        datasets = [datasets]
    if isinstance(datasets, Mapping):
        return [open_folder(name, Path(folder)) for name, folder in datasets.items()]
    return [
        open_folder(item.name, item) if isinstance(item, Path) else find_dataset(item, data_root)
        for item in datasets
    ]


def _module(model: str | nn.Module | Mapping[int, nn.Module], scale: int) -> nn.Module:
    if isinstance(model, str):
        return create_model(model, scale, pretrained=True)
    if isinstance(model, nn.Module):
        return model
    if scale not in model:
        raise ConfigError(f"no module for {scale}x; the mapping has {sorted(model)}")
    return model[scale]

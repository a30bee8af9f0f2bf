"""The Python entry: evaluate a model in a notebook."""

import operator
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from harness.data.datasets import Dataset, check_distinct, find_dataset, get_info, open_folder
from harness.errors import ConfigError
from harness.jobs.quality.run import evaluate_images
from harness.metrics.protocol import DEFAULT_PROTOCOL, get_protocol
from harness.metrics.registry import require
from harness.networks.load import evaluation_mode
from harness.system.malloc import ask_for_large_pages
from variants.adapter import CHANNELS, OutsideModel
from variants.catalog import get_variant
from variants.errors import UnknownNameError
from variants.factory import create_model
from variants.outside import LARGEST_SCALE, Colour


def evaluate(
    model: str | nn.Module | Mapping[int, nn.Module],
    datasets: str | Path | Iterable[str | Path] | Mapping[str, str | Path] = ("embedded",),
    scales: int | Iterable[int] = (2, 4, 8),
    protocol: str = DEFAULT_PROTOCOL,
    *,
    colour: Colour = "y",
    multiple: int = 1,
    data_root: str | Path | None = None,
    limit: int | None = None,
    metrics: Iterable[str] = (),
    device: str = "cpu",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Every metric of a model per scale, dataset and image.

    Args:
        model: a variant's name (its shipped weights are used); or a module that maps N x 1 x h x w
            luma in [0, 1] (or N x 3 x h x w RGB, see ``colour``) to s times the size, for one
            scale; or a mapping from scale to module. A module may return a list or tuple of levels,
            whose last one counts. It is run in evaluation mode, and afterwards has the mode that it
            had.
        datasets: one or several of: registered names, folders; or a mapping from names to folders.
            A text that is no registered name is a folder. No two may have one name.
        scales: one or several of 2, 4 and 8, and of whatever else a module or a variant is for; a
            single module takes a single scale.
        protocol: see :mod:`harness.metrics.protocol`.
        colour: of what modules take and give: ``"y"`` for luma, ``"rgb"``.
        multiple: what modules need heights and widths to be multiples of, in pixels; images are
            padded and outputs cropped.
        data_root: folder that holds the datasets; None takes ``HARNESS_DATA``.
        limit: only the first images of each dataset.
        metrics: keys of those that are computed on request, such as ``vif_y``.
        progress: whether a bar counts images on standard error; None shows it on a terminal and in
            a notebook.
        device: where the module runs; it is moved there. On a CPU its convolutions' weights are
            laid out channels last meanwhile, which is faster and changes no more than rounding.

    Returns:
        One row per image: ``scale``, ``dataset``, ``protocol``, ``image``, ``hr_height``,
        ``hr_width``, one column per metric of :mod:`harness.metrics` (``psnr_y``
        in dB, ``ssim_y``), ``network_seconds``. For means:
        ``table.groupby(["dataset", "scale"])[["psnr_y", "ssim_y"]].mean()``.

    Raises:
        HarnessError, VariantError: an argument that is none of the above, unknown names, missing
            data or weights, unusable images, or an output of the module that is no SR image; what
            the module itself raises passes through.
    """
    ask_for_large_pages()
    wanted = _scales(scales)
    _check_device(device)
    if isinstance(model, nn.Module) and len(wanted) != 1:
        raise ConfigError("a module serves one scale: pass scales=[...] with one, or a mapping")
    if not isinstance(protocol, str):
        raise ConfigError(f"protocol is a name such as {DEFAULT_PROTOCOL!r}, not {protocol!r}")
    rules = get_protocol(protocol)
    asked = [require(key, [rules]).key for key in metrics]
    first = None if limit is None else _whole(limit, "limit")
    opened = [dataset.limited(first) for dataset in _open(datasets, data_root)]
    modules = {scale: _module(model, scale, colour, multiple) for scale in wanted}
    for dataset in opened:
        if dataset.left_out:
            warnings.warn(f"{dataset.name}: {dataset.left_out_note}", stacklevel=2)
    tables = []
    n_images = len(modules) * sum(len(dataset.images) for dataset in opened)
    with tqdm(total=n_images, unit="image", leave=False, disable=not _shown(progress)) as bar:
        for scale, module in modules.items():
            with evaluation_mode(module, device) as network:
                for dataset in opened:
                    bar.set_description(f"{dataset.name} {scale}x")
                    images = list(dataset.images)
                    rows = evaluate_images(
                        network, images, scale, rules, on_image=bar.update, asked=asked
                    )
                    table = pd.DataFrame(rows)
                    table.insert(0, "protocol", rules.name)
                    table.insert(0, "dataset", dataset.name)
                    table.insert(0, "scale", scale)
                    tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _shown(progress: bool | None) -> bool:
    """Whether somebody sees a bar: a notebook shows standard error, though it is no terminal."""
    seen = sys.stderr.isatty() or "ipykernel" in sys.modules
    return seen if progress is None else bool(progress)


def _scales(scales: int | Iterable[int]) -> tuple[int, ...]:
    several = isinstance(scales, Iterable) and not isinstance(scales, str | bytes)
    found = [_whole(scale, "a scale") for scale in (scales if several else [scales])]  # type: ignore[union-attr]
    for scale in found:
        if not 1 < scale <= LARGEST_SCALE:
            raise ConfigError(f"a scale is a whole number from 2 to {LARGEST_SCALE}, not {scale}")
    if not found:
        raise ConfigError("scales is empty: pass some of 2, 4 and 8")
    return tuple(dict.fromkeys(found))


def _whole(value: object, what: str) -> int:
    """A whole number, Python's or NumPy's; a truth value is none."""
    try:
        if not isinstance(value, bool):
            return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise ConfigError(f"{what} is a whole number, not {value!r}")


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"device {device!r} cannot be used here: {reason}") from error


def _open(
    datasets: str | Path | Iterable[str | Path] | Mapping[str, str | Path],
    data_root: str | Path | None,
) -> list[Dataset]:
    if isinstance(datasets, Mapping):
        check_distinct(map(str, datasets))
        found = [open_folder(str(name), _path(folder)) for name, folder in datasets.items()]
    else:
        if isinstance(datasets, str | Path):
            datasets = [datasets]
        if not isinstance(datasets, Iterable):
            raise ConfigError(f"datasets are names or folders, not {datasets!r}")
        root = None if data_root is None else _path(data_root)
        found = [_open_one(item, root) for item in datasets]
        check_distinct(dataset.name for dataset in found)
    if not found:
        raise ConfigError("datasets is empty: pass names, folders, or a mapping")
    return found


def _open_one(item: str | Path, root: Path | None) -> Dataset:
    """A registered name, or a folder that goes by its last part."""
    if isinstance(item, str):
        try:
            get_info(item)
        except UnknownNameError:
            if not Path(item).is_dir() and Path(item).name == item:
                raise  # With the names that there are.
        else:
            return find_dataset(item, root)
    path = _path(item)
    return open_folder(path.name or path.resolve().name, path)


def _path(value: str | Path) -> Path:
    if not isinstance(value, str | Path):
        raise ConfigError(f"a dataset is a name or a folder, not {value!r}")
    if not str(value).strip():
        raise ConfigError("a dataset's name or folder is empty")
    return Path(value).expanduser()


def _module(
    model: str | nn.Module | Mapping[int, nn.Module], scale: int, colour: Colour, multiple: int
) -> nn.Module:
    if isinstance(model, str):
        if not get_variant(model).serves(scale):
            raise ConfigError(f"{model} is not for {scale}x")
        return create_model(model, scale, pretrained=True)
    if isinstance(model, Mapping):
        if scale not in model:
            raise ConfigError(f"no module for {scale}x; the mapping has {list(model)}")
        model = model[scale]
    if not isinstance(model, nn.Module):
        raise ConfigError(
            "a model is a variant's name, a torch module or a mapping from scale to module, not "
            f"{type(model).__name__}"
        )
    if colour not in CHANNELS:
        raise ConfigError(f"colour is y or rgb, not {colour!r}")
    if (colour, multiple) == ("y", 1):
        return model
    return OutsideModel(model, scale, CHANNELS[colour], _whole(multiple, "multiple"))

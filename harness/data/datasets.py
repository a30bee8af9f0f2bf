"""Datasets: a registry of what is known by name, and finding them on disk. Imports no torch."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import yaml

from harness.data.layouts import LAYOUTS, Listing, find_images, name_key, subfolders
from harness.errors import ConfigError, DataError
from harness.images import SUFFIXES
from harness.system.files import in_home
from variants.errors import UnknownNameError, VariantError

DATA_ROOT_VARIABLE = "HARNESS_DATA"
N_NAMED = 10
"""How many files a sentence names before it only counts."""


@dataclass(frozen=True)
class DatasetInfo:
    """What the registry knows about a dataset.

    Attributes:
        name: canonical name.
        role: what it is for.
        n_images: of a complete copy.
        source: who made it.
        how_to_get: for people.
        terms: licence or terms of use, for people.
        aliases: other names that folders and users give it.
        bicubic: scale to (PSNR in dB, SSIM) of bicubic interpolation as the paper prints it, to 2
            and 3 decimals; empty where it has no such row.
        package: an installed package that carries the images, or None.
        files: the images inside ``package``.
    """

    name: str
    role: Literal["test", "training"]
    n_images: int
    source: str
    how_to_get: str
    terms: str
    aliases: tuple[str, ...] = ()
    bicubic: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    package: str | None = None
    files: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Dataset:
    """HR images on disk.

    Attributes:
        name: the registered name, or what the user called it.
        folder: where it was found.
        images: paths in natural order.
        expected_images: how many a complete copy has; None for a dataset nobody registered.
        left_out: name and reason of each file of the folder that looks like an image and is none
            of the dataset's.
        n_found: how many images were found, of which ``images`` may be the first ones only.
    """

    name: str
    folder: Path
    images: tuple[Path, ...]
    expected_images: int | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    n_found: int = 0

    @property
    def complete(self) -> bool:
        return self.expected_images in (None, len(self.images))

    @property
    def counted(self) -> str:
        """How many images: ``5 images``, ``4 of 5 images``, ``6 images (expected: 5)``."""
        n, expected = len(self.images), self.expected_images
        images = f"{n} image{'' if n == 1 else 's'}"
        if expected is None or expected == n:
            return images
        return f"{n} of {expected} images" if n < expected else f"{images} (expected: {expected})"

    @property
    def left_out_note(self) -> str:
        """Which files of the folder were left out and why; empty where none was."""
        if not self.left_out:
            return ""
        reasons: dict[str, list[str]] = {}
        for name, why in self.left_out:
            reasons.setdefault(why, []).append(name)
        parts = []
        for why, names in reasons.items():
            more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
            parts.append(f"{', '.join(names[:N_NAMED])}{more} ({why})")
        n = len(self.left_out)
        return f"{self.n_found} of {self.n_found + n} files, left out: {'; '.join(parts)}"

    def fingerprint(self) -> str:
        """Hex SHA-256 of every image's file name and bytes, in order.

        Raises:
            DataError: an image cannot be read.
        """
        digest = hashlib.sha256()
        for path in self.images:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise DataError(f"cannot read {path}: {error.strerror}") from error
            # Lengths in front, so that no other split of names and bytes gives the same digest.
            # A name that is no UTF-8 is its own bytes, as the disk has them.
            name = path.name.encode("utf-8", "surrogateescape")
            digest.update(b"%d %d " % (len(name), len(content)) + name + content)
        return digest.hexdigest()

    def limited(self, n: int | None) -> "Dataset":
        """The first ``n`` images only (all for None), under the same name.

        The fingerprint tells the parts from the whole.
        """
        if n is None:
            return self
        if n < 1:
            raise ConfigError(f"the number of images must be at least 1, not {n}")
        return replace(self, images=self.images[:n])


@cache
def _registry() -> dict[str, DatasetInfo]:
    rows: dict[str, dict[str, Any]] = yaml.safe_load(
        files("harness.data").joinpath("datasets.yaml").read_text("utf-8")
    )
    lists = ("aliases", "files")
    registry = {}
    for name, row in rows.items():
        values: dict[str, Any] = {k: tuple(v) if k in lists else v for k, v in row.items()}
        registry[name] = DatasetInfo(name=name, **values)
    return registry


def list_datasets() -> list[DatasetInfo]:
    """All registered datasets, in the registry's order."""
    return list(_registry().values())


def register_dataset(info: DatasetInfo) -> DatasetInfo:
    """Add a dataset, in this process: what a plug-in does.

    Raises:
        VariantError: a dataset has one of its names already, or one of them is no folder's name.
    """
    known = {name_key(name) for other in list_datasets() for name in other.names}
    for name in info.names:
        if name_key(name) in known:
            raise VariantError(f"a dataset with the name {name!r} is there already")
        if not name.strip() or Path(name).name != name:
            raise VariantError(f"a dataset's name is that of a folder, not {name!r}")
    _registry()[info.name] = info
    return info


def get_info(name: str) -> DatasetInfo:
    """The registered dataset of that name or alias, in any case; UnknownNameError if none."""
    for info in list_datasets():
        if name.casefold() in (known.casefold() for known in info.names):
            return info
    raise UnknownNameError("dataset", name, _registry())


def data_root(given: Path | None) -> Path | None:
    """The folder with datasets: ``given``, else ``HARNESS_DATA``, else None."""
    if given is not None:
        return given
    value = os.environ.get(DATA_ROOT_VARIABLE)
    return Path(value) if value else None


def find_dataset(name: str, root: Path | None = None) -> Dataset:
    """Find a registered dataset on disk, in any of the layouts of :mod:`harness.data.layouts`.

    Args:
        name: registered name or alias.
        root: the folder that holds the datasets' folders; None takes ``HARNESS_DATA``.

    Raises:
        UnknownNameError: no such dataset.
        DataError: it is not there; the message says what was looked for and how to get it.
    """
    info = get_info(name)
    if info.package is not None:
        return _packaged(info)
    root = data_root(root)
    if root is None:
        raise DataError(
            f"no data folder for {info.name}: pass --data-root DIR or set {DATA_ROOT_VARIABLE}; "
            f"or pass --dataset {info.name}=DIR. To get it: {info.how_to_get}."
        )
    found: list[Dataset] = []
    for folder_name in info.names:
        for folder in subfolders(root, folder_name):
            listing = find_images(folder, info.n_images)
            if listing.images:
                found.append(_dataset(info.name, folder, listing, info.n_images))
    for dataset in [*(d for d in found if d.complete), *found]:
        return dataset
    raise DataError(_not_found(info, root))


def open_folder(name: str, folder: Path) -> Dataset:
    """Any folder of images as a dataset, in any known layout.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    folder = in_home(folder)
    if not folder.is_dir():
        raise DataError(f"dataset {name}: there is no folder {folder}")
    try:
        n_images: int | None = get_info(name).n_images
    except UnknownNameError:
        n_images = None
    listing = find_images(folder, n_images)
    if not listing.images:
        raise DataError(f"dataset {name}: no images in {folder}; looked for {_patterns()}")
    return _dataset(name, folder, listing, n_images)


def _dataset(name: str, folder: Path, listing: Listing, n_images: int | None) -> Dataset:
    return Dataset(name, folder, listing.images, n_images, listing.left_out, len(listing.images))


def check_distinct(names: Iterable[str]) -> None:
    """Refuse two datasets of one name, whose figures nobody could tell apart.

    Raises:
        ConfigError: two names are equal, or differ only in case or Unicode form.
    """
    known: dict[str, str] = {}
    for name in names:
        if name_key(name) in known:
            raise ConfigError(
                f"two datasets are called {known[name_key(name)]} and {name}, whose figures nobody "
                "could tell apart; give one of them another name, as NAME=DIR"
            )
        known[name_key(name)] = name


def open_dataset(text: str, root: Path | None = None) -> Dataset:
    """``NAME`` as :func:`find_dataset` or ``NAME=DIR`` as :func:`open_folder`."""
    name, equals, folder = text.partition("=")
    return open_folder(name, Path(folder)) if equals else find_dataset(name, root)


def _packaged(info: DatasetInfo) -> Dataset:
    assert info.package is not None
    # find_spec locates a package without importing it.
    spec = find_spec(info.package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"{info.name}: the package {info.package} is not installed")
    folder = Path(next(iter(spec.submodule_search_locations)))
    images = tuple(folder / file for file in info.files)
    missing = [path.name for path in images if not path.is_file()]
    if missing:
        raise DataError(f"{info.name}: {folder} lacks {', '.join(missing)}; reinstall it")
    return Dataset(info.name, folder, images, info.n_images)


def _patterns() -> str:
    return f"{', '.join(map(str, LAYOUTS))} ({' '.join(SUFFIXES)})"


def _not_found(info: DatasetInfo, root: Path) -> str:
    if not root.is_dir():
        where = f"there is no data folder {root}"
    else:
        places = ", ".join(str(root / name) for name in info.names)
        where = f"looked in {places} (upper or lower case) for {_patterns()}"
    return f"{info.name} was not found: {where}. To get it: {info.how_to_get}."

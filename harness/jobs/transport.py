"""Jobs that go to other machines: by content, and back with the files that they made.

A job's ``inputs`` name files where it was planned. What travels instead is the name and the SHA-256
of each; a machine takes its own copy where it has one, and asks for the bytes where it has none.
Images, weights, plug-ins, catalogs and networks are known here; other entries of ``inputs``
travel as they are.
"""

import os
import pickle
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.data.datasets import data_root, find_dataset
from harness.errors import DataError, HarnessError
from harness.jobs.base import Job, Record
from harness.jobs.executor import Execute, MeasureAlone
from harness.jobs.specs import ImagesSpec
from harness.networks.brought import file_of, use_inputs, with_file
from harness.networks.weights import TRAINING_FILE
from harness.system.cache import cache_folder
from harness.system.code import code_sha256
from harness.system.environment import (
    DISTRIBUTION,
    Machine,
    cuda_available,
    device_name,
    package_version,
    this_machine,
    versions,
)
from harness.system.files import sha256_of, write_atomically
from variants.catalog import catalogs_in_use, list_catalogs, use_catalogs
from variants.errors import UnknownNameError

PACKAGES = ("harness", "variants", "skimage")
"""Installed packages that carry images and weights."""


@dataclass(frozen=True)
class File:
    """A file by content.

    Attributes:
        name: its own, which tells the format and is an image's name in records.
        sha256: of its bytes.
        path: where it lies on the machine that planned.
        inside: a package that carries it, and the place there; None of any other file.
        beside: files that belong into the same folder.
    """

    name: str
    sha256: str
    path: str
    inside: tuple[str, str] | None = None
    beside: tuple["File", ...] = ()


@dataclass(frozen=True)
class Parcel:
    """A job and the files that it needs."""

    job: Job
    images: tuple[File, ...] = ()
    weights: File | None = None
    plugins: tuple[File, ...] = ()
    catalogs: tuple[str | File, ...] = ()
    networks: tuple[File | None, ...] = ()
    """Of each network that the inputs name, the file that it comes from."""

    def files(self) -> Iterator[File]:
        """All of them."""
        weights = () if self.weights is None else (self.weights,)
        others = (f for f in (*self.catalogs, *self.networks) if isinstance(f, File))
        for file in (*self.images, *weights, *self.plugins, *others):
            yield file
            yield from file.beside


@dataclass(frozen=True)
class Delivery:
    """What came of jobs: records, and by path in the results folder the files that were made."""

    records: list[Record]
    made: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Lacking:
    """Files that the machine has not, by SHA-256: send them, then ask again."""

    sha256: frozenset[str]


@dataclass(frozen=True)
class Refusal:
    """The machine would measure something else; ``why`` goes on from its name."""

    node: str
    name: str
    why: str


@dataclass(frozen=True)
class Failure:
    """Nothing can go on anywhere, such as a plug-in that fails; a sentence."""

    why: str


Answer = Delivery | Lacking | Refusal | Failure


def software() -> dict[str, str]:
    """What has to be the same on every machine: by name its version."""
    unlike = ("pandas", "matplotlib")  # No figure depends on them.
    same = {name: version for name, version in versions().items() if name not in unlike}
    # Pickles are read by another release of the same Python.
    same["python"] = same["python"].rpartition(".")[0]
    return {DISTRIBUTION: code_sha256()[:12], **same}


def pack(job: Job) -> Parcel:
    """A job to be sent.

    Raises:
        DataError: a file that it names cannot be read.
    """
    inputs = dict(job.inputs)
    images = tuple(_file(path) for path in inputs.pop("images", ()))
    path = inputs.pop("weights", None)
    weights = None
    if path is not None:
        beside = Path(path).with_name(TRAINING_FILE)
        weights = _file(path, (_file(str(beside)),) if beside.is_file() else ())
    plugins = tuple(
        File(Path(path).name, sha256, path) for path, sha256 in inputs.pop("plugins", ())
    )
    catalogs = tuple(name if name in list_catalogs() else _file(name) for name in catalogs_in_use())
    sources = [file_of(given["from"]) for _, given, _ in inputs.get("networks", ())]
    networks = tuple(None if source is None else _file(source) for source in sources)
    return Parcel(replace(job, inputs=inputs), images, weights, plugins, catalogs, networks)


def _file(path: str, beside: tuple[File, ...] = ()) -> File:
    known = Path(path)
    for package, folder in _package_folders().items():
        if known.is_relative_to(folder):
            inside = package, known.relative_to(folder).as_posix()
            return File(known.name, _sha256(path), path, inside, beside)
    return File(known.name, _sha256(path), os.path.abspath(path), None, beside)  # noqa: PTH100


@cache
def _package_folders() -> dict[str, Path]:
    return {name: Path(str(files(name))) for name in PACKAGES}


def _sha256(path: str) -> str:
    try:
        state = Path(path).stat()
        return _sha256_in_state(path, state.st_mtime_ns, state.st_size, state.st_ino)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


@cache
def _sha256_in_state(path: str, *_: int) -> str:
    """Of a file, computed again when its time, size or inode changed."""
    return sha256_of(Path(path))


def perform(
    wanted: Mapping[str, str],
    node: str,
    parcels: bytes,
    sent: Mapping[str, Callable[[], bytes]],
    do: Execute | MeasureAlone,
    shared: bool = False,
) -> Answer:
    """On another machine: execute what was sent.

    Args:
        wanted: :func:`software` of the machine that planned.
        node: what this machine is called.
        parcels: one pickled :class:`Parcel`, or a list of those to be measured together.
        sent: by SHA-256, what gives the bytes of files.
        do: executes a job, or measures several.
        shared: whether paths of the other machine may lead to the same files here.
    """
    name = socket.gethostname()
    if why := _unlike(wanted, software()):
        return Refusal(node, name, why)
    # Only now: other versions may not even know what is pickled.
    content: Parcel | list[Parcel] = pickle.loads(parcels)  # noqa: S301  from the driver
    several = content if isinstance(content, list) else [content]
    for parcel in several:
        if why := _unfit(parcel.job):
            return Refusal(node, name, why)
    try:
        with tempfile.TemporaryDirectory(prefix="harness-") as results:
            jobs, lacking = _unpack(several, sent, results, shared)
            if lacking:
                return Lacking(frozenset(lacking))
            told = do(jobs if isinstance(content, list) else jobs[0])  # type: ignore[arg-type]
            return Delivery(told if isinstance(told, list) else [told], _made(Path(results)))
    except HarnessError as error:
        return Failure(str(error))
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        return Refusal(node, name, f"cannot store what a job needs{where}: {error.strerror}")


def machine(wanted: Mapping[str, str], node: str, device: str, cpus: int) -> Machine | Refusal:
    """On another machine: what it is, where ``cpus`` of its processors may be used."""
    name = socket.gethostname()
    if why := _unlike(wanted, software()):
        return Refusal(node, name, why)
    if device == "cuda" and not cuda_available():
        return Refusal(node, name, "has a GPU that its torch does not see")
    found = this_machine(device)
    usable = min(cpus, found.usable_cpus)
    return replace(found, usable_cpus=usable, threads=usable, here=False)


def _unlike(wanted: Mapping[str, str], here: Mapping[str, str]) -> str:
    for name, version in wanted.items():
        if here.get(name) != version:
            what = "other code of" if name == DISTRIBUTION else f"{here.get(name)} of"
            return f"has {what} {name} than the {version} that this run was planned with"
    return ""


def _unfit(job: Job) -> str:
    """Why this machine would not measure what the spec says."""
    for name, version in (getattr(job.spec, "versions", None) or {}).items():
        if package_version(name) not in (version, "absent"):
            return f"has {package_version(name)} of {name}, and {version} is asked for"
    device, planned = (getattr(job.spec, key, None) for key in ("device", "device_name"))
    if device and planned and (here := device_name(device)) != planned:
        return f"is {here}, and latency is measured on {planned}"
    return ""


def _unpack(
    parcels: Iterable[Parcel],
    sent: Mapping[str, Callable[[], bytes]],
    results: str,
    shared: bool,
) -> tuple[list[Job], set[str]]:
    """Jobs as this machine can execute them, and what it lacks for that."""
    jobs, lacking = [], set()
    for parcel in parcels:
        own = _own_images(parcel)
        found = {}
        for file in parcel.files():
            near = [own[file.name]] if file.name in own else []
            found[file] = _place(file, sent, near + [file.path] * shared)
        lacking |= {file.sha256 for file, path in found.items() if path is None}
        if lacking:
            continue
        inputs = dict(parcel.job.inputs)
        inputs["images"] = [str(found[image]) for image in parcel.images]
        inputs["weights"] = None if parcel.weights is None else str(found[parcel.weights])
        inputs["results"] = results
        inputs["plugins"] = [[str(found[plugin]), plugin.sha256] for plugin in parcel.plugins]
        inputs["networks"] = [
            [name, _moved(given, None if file is None else str(found[file])), sha256]
            for (name, given, sha256), file in zip(
                inputs.get("networks", ()), parcel.networks, strict=True
            )
        ]
        use_inputs(inputs)
        use_catalogs(
            str(found[catalog]) if isinstance(catalog, File) else catalog
            for catalog in parcel.catalogs
        )
        jobs.append(replace(parcel.job, inputs=inputs))
    return jobs, lacking


def _moved(network: Mapping[str, Any], path: str | None) -> Mapping[str, Any]:
    """A network whose file lies here."""
    return network if path is None else {**network, "from": with_file(network["from"], path)}


def _own_images(parcel: Parcel) -> dict[str, str]:
    """Images of this machine's copy of the dataset by name."""
    spec = parcel.job.spec
    return dict(_images_of(spec.dataset.name)) if isinstance(spec, ImagesSpec) else {}


@cache
def _images_of(dataset: str) -> tuple[tuple[str, str], ...]:
    if data_root(None) is None:
        return ()
    try:
        images = find_dataset(dataset).images
    except (DataError, UnknownNameError):
        return ()
    return tuple((path.name, str(path)) for path in images)


def _place(file: File, sent: Mapping[str, Callable[[], bytes]], near: Sequence[str]) -> Path | None:
    """A path here with the content; None where it is neither here nor was sent.

    Raises:
        DataError: the bytes that came are others.
        OSError: they cannot be stored.
    """
    kept = _cached(file)
    for place in (*_inside(file), *near, str(kept)):
        if _has(place, file.sha256) and all(
            _has(str(Path(place).with_name(other.name)), other.sha256) for other in file.beside
        ):
            return Path(place)
    for each in (file, *file.beside):
        if each.sha256 not in sent:
            return None
    for each in (file, *file.beside):
        target = kept.with_name(each.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, sent[each.sha256]())
        if not _has(str(target), each.sha256):
            raise DataError(f"{each.path} changed while the run was going on; run it again")
    return kept


def _inside(file: File) -> list[str]:
    if file.inside is None:
        return []
    package, place = file.inside
    return [str(_package_folders()[package] / place)]


def _has(path: str, sha256: str) -> bool:
    try:
        return _sha256(path) == sha256
    except DataError:
        return False


def _cached(file: File) -> Path:
    """Where a file is kept that was sent: in a folder by its content and that of its fellows."""
    together = "-".join(each.sha256[:32] for each in (file, *file.beside))
    return cache_folder() / together / file.name


def _made(results: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(results.rglob("*")) if path.is_file())
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in paths}


def store_made(made: Mapping[str, bytes], results: Path) -> None:
    """Write what a job made where it would have written it here.

    Raises:
        OSError: the folder is not writable, or the disk is full.
    """
    for name, content in made.items():
        path = results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

"""Weights files with flipped bits, cut short, or with other tensors than they should have."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save
from scipy.io import savemat

from tests.faults.base import Case, Rng, WrongError, mutated, took
from variants import create_model

VARIANT = "ms-lapsrn"


@cache
def state() -> dict[str, torch.Tensor]:
    """The weights of a network."""
    torch.manual_seed(0)
    return {
        k: v.clone() for k, v in create_model(VARIANT, 4, pretrained=False).state_dict().items()
    }


@cache
def sound() -> dict[str, bytes]:
    """The same weights in files of several formats."""
    files = {"x.safetensors": save(state())}
    for name, options in (
        ("zip.pth", {}),
        ("legacy.pth", {"_use_new_zipfile_serialization": False}),
    ):
        file = io.BytesIO()
        torch.save(state(), file, **options)
        files[name] = file.getvalue()
    file = io.BytesIO()
    savemat(
        cast("Any", file),
        {"net": {"params": {"name": np.array(["a", "b"], object), "value": np.ones(3)}}},
    )
    files["x.mat"] = files["packed.mat"] = file.getvalue()
    return files


Change = Callable[[dict[str, Any], str, Rng], Any]
CHANGES: dict[str, Change] = {
    "a NaN": lambda s, k, _: s[k].reshape(-1)[:1].fill_(float("nan")),
    "an infinity": lambda s, k, _: s[k].reshape(-1)[:1].fill_(float("inf")),
    "one missing": lambda s, k, _: s.pop(k),
    "one more": lambda s, k, _: s.update({k + ".x": torch.ones(3)}),
    "another shape": lambda s, k, _: s.update({k: torch.ones(3)}),
    "turned": lambda s, k, _: s.update({k: s[k].T}),
    "a scalar": lambda s, k, _: s.update({k: torch.tensor(1.0)}),
    "empty": lambda s, k, _: s.update({k: torch.ones(0)}),
    "int8": lambda s, k, _: s.update({k: s[k].to(torch.int8)}),
    "bool": lambda s, k, _: s.update({k: s[k] > 0}),
    "complex": lambda s, k, _: s.update({k: s[k].to(torch.complex64)}),
    "a number": lambda s, k, _: s.update({k: 3}),
    "text": lambda s, k, _: s.update({k: "x"}),
    "None": lambda s, k, _: s.update({k: None}),
    "a list": lambda s, k, _: s.update({k: [1.0]}),
    "sparse": lambda s, k, _: s.update({k: s[k].to_sparse()}),
    "meta": lambda s, k, _: s.update({k: s[k].to("meta")}),
    "key of bytes": lambda s, k, _: cast("Any", s).update({b"k": s.pop(k)}),
    "key of a number": lambda s, k, _: cast("Any", s).update({3: s.pop(k)}),
    "itself inside": lambda s, k, _: s.update({k: s}),
    "nested": lambda s, k, _: s.update({k: {"a": {"b": s[k]}}}),
    "a tuple": lambda s, k, _: s.update({k: (s[k],)}),
    "quantised": lambda s, k, _: s.update(
        {k: torch.quantize_per_tensor(s[k].float(), 0.1, 0, torch.qint8)}
    ),
    "no tensors": lambda s, k, _: s.clear(),
}


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` files, imported as MS-LapSRN's."""
    rng = Rng(f"weights {seed}")
    files = sound()
    for _ in range(n):
        if rng.random() < 0.4:
            how = rng.choice(sorted(CHANGES))
            key = rng.choice(sorted(state()))
            yield Case(f"{how} in {key}", _run("x.pth", partial(_changed, how, key), None))
            continue
        name = rng.choice(sorted(files))
        data = files[name]
        if rng.random() < 0.5:
            how, head = mutated(rng, data[:2000])
            damaged = head + data[2000:]
        else:
            how, damaged = mutated(rng, data)
        if name == "packed.mat":
            damaged = _packed(damaged)
        expected = state() if name == "zip.pth" and damaged != data else None
        yield Case(f"{name}: {how}", _run(name, partial(bytes, damaged), expected))


def _packed(content: bytes) -> bytes:
    """A ``.mat`` file whose variables are compressed, so that its checksum knows no damage."""
    packed = zlib.compress(content[128:])
    return content[:128] + struct.pack("<II", 15, len(packed)) + packed


def _changed(how: str, key: str) -> bytes:
    copy: dict[str, Any] = {k: v.clone() for k, v in state().items()}
    CHANGES[how](copy, key, Rng(0))
    file = io.BytesIO()
    torch.save(copy, file)
    return file.getvalue()


def _run(
    name: str, make: Callable[[], bytes], expected: dict[str, torch.Tensor] | None
) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        path, out = folder / name, folder / "out.safetensors"
        path.write_bytes(make())
        fine = took("import-weights", path, "--variant", VARIANT, "-o", out)
        if fine:
            _judge(load_file(out), expected)
        elif out.exists():
            raise WrongError("refused, and yet written")
        return fine

    return run


def _judge(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor] | None) -> None:
    for key, value in got.items():
        if not torch.isfinite(value).all():
            raise WrongError(f"{key} is not finite")
        # torch's zip has checksums, so that a change that is taken has changed nothing.
        if expected is not None and not torch.equal(value, expected[key]):
            raise WrongError(f"{key} is another than in the file")

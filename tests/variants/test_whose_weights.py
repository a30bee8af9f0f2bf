"""Which network a weights file belongs to, checked by every loader; common checkpoint formats."""

import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import variants
from variants.errors import WeightsError
from variants.weights.files import load_weights, read_weights, save_weights
from variants.weights.foreign import import_weights, load_any
from variants.weights.kinds import kind_of

NAMES = ("ms-lapsrn", "ms-lapsrn-d5r8", "cms-lapsrn-conv1", "cms-lapsrn-conv3")
MS = variants.get_variant("ms-lapsrn")


def as_any(path: Path, name: str) -> None:
    load_any(variants.create_model(name, 8), path, variants.get_variant(name), 8)


def as_safetensors(path: Path, name: str) -> None:
    load_weights(variants.create_model(name, 8), path, variants.get_variant(name), 8)


def as_import(path: Path, name: str) -> None:
    import_weights(path, variants.get_variant(name), None, path.with_name("imported.safetensors"))


def as_pretrained(path: Path, name: str) -> None:
    variants.create_model(name, 8, pretrained=path)


@pytest.mark.parametrize("ending", ["SAFETENSORS", "pth"])
@pytest.mark.parametrize("enter", [as_any, as_safetensors, as_import, as_pretrained])
@pytest.mark.parametrize(("theirs", "ours"), [(a, b) for a in NAMES for b in NAMES])
def test_weights_of_another_network_are_refused_everywhere(
    enter: Callable[[Path, str], None], ending: str, theirs: str, ours: str, tmp_path: Path
) -> None:
    path = tmp_path / f"w.{ending}"
    save_weights(variants.create_model(theirs, 8), path, variants.get_variant(theirs), 8, {})
    if theirs == ours:
        enter(path, ours)
        return
    with pytest.raises(WeightsError, match=f"another network than {ours}"):
        enter(path, ours)
    assert not (tmp_path / "imported.safetensors").exists()


def test_an_import_keeps_the_record(tmp_path: Path) -> None:
    first, again = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_weights(variants.create_model("ms-lapsrn", 8), first, MS, 8, {"origin": "a test"})
    import_weights(first, MS, None, again)
    metadata = read_weights(again)[1]
    assert metadata["variant"] == "ms-lapsrn"
    assert metadata["origin"].endswith(": a test")
    with pytest.raises(WeightsError, match="recursions is 2 in the file and 8 in the network"):
        as_import(again, "ms-lapsrn-d5r8")


def test_a_lapsrn_of_another_scale_is_refused(tmp_path: Path) -> None:
    lapsrn, path = variants.get_variant("lapsrn"), tmp_path / "w.safetensors"
    save_weights(variants.create_model("lapsrn", 2), path, lapsrn, 2, {})
    with pytest.raises(WeightsError, match="holds a 2x network, not 4x"):
        load_any(variants.create_model("lapsrn", 4), path, lapsrn, 4)
    assert import_weights(path, lapsrn, None, tmp_path / "o.safetensors")["scales"] == "2"


@pytest.mark.parametrize(
    "metadata",
    [
        {"architecture": "EDSR"},
        {"architecture": "[1, 2]"},
        {"architecture": '{"backbone": "edsr"}'},
        {"architecture": "[" * 5000},
        {"format": "pt", "scale": "x4"},
        {"scale": "²"},
    ],
)
def test_metadata_of_other_programs_are_theirs(metadata: dict[str, str], tmp_path: Path) -> None:
    state = variants.create_model("ms-lapsrn", 8).state_dict()
    save_file(dict(state), tmp_path / "w.safetensors", metadata=metadata)
    as_any(tmp_path / "w.safetensors", "ms-lapsrn")


def test_a_damaged_record_of_ours_is_refused(tmp_path: Path) -> None:
    state = variants.create_model("ms-lapsrn", 8).state_dict()
    for metadata in ({"format": "lapsrn-harness/1"}, {"format": "lapsrn-harness/9"}):
        save_file(dict(state), tmp_path / "w.safetensors", metadata=metadata)
        with pytest.raises(WeightsError, match="record of the network"):
            as_any(tmp_path / "w.safetensors", "ms-lapsrn")


def test_equal_weights_are_equal_files_and_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    model, path = variants.create_model("ms-lapsrn", 8), tmp_path / "w.safetensors"
    contents = set()
    for keys in ("abcdefgh", "hgfedcba"):
        save_weights(model, path, MS, 8, dict.fromkeys(keys, "x"))
        contents.add(path.read_bytes())
    assert len(contents) == 1
    damaged = bytearray(contents.pop())
    for place in (-1, -100_000, -500_000):
        damaged[place] ^= 4
        path.write_bytes(damaged)
        damaged[place] ^= 4
        with pytest.raises(WeightsError, match="SHA-256"):
            read_weights(path)


Wrap = Callable[[dict[str, torch.Tensor]], Any]


def prefixed(prefix: str) -> Wrap:
    return lambda state: {prefix + name: value for name, value in state.items()}


OPENED: dict[str, Wrap] = {
    "plain": lambda state: state,
    "ordered": OrderedDict,
    "parameters": lambda state: {k: nn.Parameter(v) for k, v in state.items()},
    **{
        key: lambda state, key=key: {key: state, "epoch": 3}  # type: ignore[misc]
        for key in ("params", "params_ema", "model", "model_state_dict", "state_dict", "average")
    },
    "nested": lambda state: {"state_dict": {"module": state}},
    "ema first": lambda state: {
        "params": {k: torch.zeros_like(v) for k, v in state.items()},
        "params_ema": state,
    },
    "with a counter": lambda state: {"iter": 5, **state},
    **{prefix: prefixed(prefix) for prefix in ("module.", "_orig_mod.", "module._orig_mod.")},
}


@pytest.mark.parametrize("wrap", OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("legacy", [False, True])
def test_common_checkpoint_formats_are_read(wrap: Wrap, legacy: bool, tmp_path: Path) -> None:
    model, twin = (variants.create_model("ms-lapsrn", 8) for _ in range(2))
    path = tmp_path / "model_best.pth.tar"
    torch.save(wrap(model.state_dict()), path, _use_new_zipfile_serialization=not legacy)
    load_any(twin, path, MS, 8)
    for name, value in model.state_dict().items():
        assert torch.equal(twin.state_dict()[name], value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floats_are_converted_and_said(dtype: torch.dtype, tmp_path: Path) -> None:
    model, twin = (variants.create_model("ms-lapsrn", 8) for _ in range(2))
    state = {name: value.to(dtype) for name, value in model.state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    (note,) = load_any(twin, tmp_path / "w.pth", MS, 8).notes
    assert "converted to float32" in note
    assert all(torch.equal(v, state[k].float()) for k, v in twin.state_dict().items())


def changed(change: Callable[[torch.Tensor], torch.Tensor]) -> Wrap:
    return lambda state: {name: change(value) for name, value in state.items()}


REFUSED: dict[str, tuple[Wrap, str]] = {
    "int8": (changed(lambda v: (v * 100).to(torch.int8)), "is int8"),
    "bool": (changed(lambda v: v > 0), "is bool"),
    "float8": (changed(lambda v: v.to(torch.float8_e4m3fn)), "is float8_e4m3fn"),
    "complex": (changed(lambda v: v.to(torch.complex64)), "is complex64"),
    "meta": (changed(lambda v: v.to("meta")), "no values"),
    "sparse": (changed(lambda v: v.to_sparse()), "is sparse"),
    "quantised": (
        changed(lambda v: torch.quantize_per_tensor(v, 0.01, 0, torch.qint8)),
        "is quantised",
    ),
    "overflow": (changed(lambda v: v.double() * 0 + 1e300), "not finite"),
    "keys named": (lambda state: {"weights_of": list(state), "epoch": 3}, "'weights_of', 'epoch'"),
    "list": (lambda state: [state], "is a list"),
    "tensor": (lambda state: state["conv_in.bias"], "is a Tensor"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("wrap", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_weights_is_one_sentence(wrap: Wrap, words: str, tmp_path: Path) -> None:
    torch.save(wrap(variants.create_model("ms-lapsrn", 8).state_dict()), tmp_path / "w.pth")
    with pytest.raises(WeightsError) as caught:
        as_any(tmp_path / "w.pth", "ms-lapsrn")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.mark.parametrize("ending", ["pth", "pt", "mat", "safetensors", "bin"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LFS, "git-LFS pointer"),
        (b"\n <!DOCTYPE html><html>", "web page"),
        (b"<HTML>", "web page"),
        (b"", "is empty"),
        (b"MATLAB 7.3 MAT-file", "MATLAB 7.3"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"a" + b"\0" * 256 + b"ustar" + b"\0" * 250, "tar archive"),
    ],
)
def test_other_files_are_called_what_they_are(
    content: bytes, words: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"w.{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        kind_of(path)


def test_places_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "link.pth").symlink_to("nowhere")
    for path, words in (
        (tmp_path, "a folder"),
        (tmp_path / "link.pth", "no weights file"),
        (tmp_path / ("x" * 300), "no weights file"),
        (Path("a\0b"), "no weights file"),
    ):
        with pytest.raises(WeightsError, match=words):
            kind_of(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_damage_to_a_torch_file_is_a_sentence_and_never_a_wrong_weight(
    legacy: bool, tmp_path: Path
) -> None:
    """Of a zip every flip in the data is seen; the old format has no checksum to see it by."""
    path, state = tmp_path / "w.pth", {"w": torch.arange(64.0)}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    generator = torch.Generator().manual_seed(0)
    for place in torch.randint(len(whole), (150,), generator=generator).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged[: len(whole) - place % 3])
        try:
            from variants.weights.pickled import read_torch

            found = read_torch(path)[0]
        except WeightsError as error:
            assert "\n" not in str(error)  # noqa: PT017  either outcome is right
        else:
            assert legacy or torch.equal(found.get("w", state["w"]), state["w"])


def test_other_zip_archives_are_called_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(WeightsError, match="a zip archive, not weights"):
        as_any(tmp_path / "w.pth", "ms-lapsrn")

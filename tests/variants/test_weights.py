"""Checkpoints, importers and shipped weights: what fits loads, what does not says why."""

import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

import variants
from variants.backbones.base import SRModel
from variants.errors import WeightsError
from variants.weights import matconvnet
from variants.weights.files import load_weights, read_weights, save_weights, sha256_of
from variants.weights.foreign import import_weights, load_any
from variants.weights.store import find_shipped, load_shipped, shipped_weights, weights_dir

MS, CMS, LAP = (variants.get_variant(n) for n in ("ms-lapsrn", "cms-lapsrn-conv3", "lapsrn"))


def write_mat(path: Path, model: SRModel, lapsrn_levels: int = 0, recursions: int = 0) -> None:
    """A DagNN file as MatConvNet saves it: filters h x w x in x out, singletons dropped."""
    params = []
    for name, value in model.state_dict().items():
        parts = name.split(".")
        prefix = ""
        if parts[0] == "levels":
            prefix, parts = f"level{lapsrn_levels - int(parts[1])}_", parts[2:]
        module = {
            "conv_in": "input_conv",
            "upsampler": "upconv",
            "conv_out": "residual_conv",
            "image_upsampler": "img_up",
            "image_up": "img_up",
        }.get(parts[0]) or f"conv{int(parts[1]) + 1}"
        array: Any = value.numpy()
        if parts[-1] == "weight":
            array = array.transpose(2, 3, 1, 0)
            while array.shape[-1] == 1 and array.ndim > 2:
                array = array[..., 0]
        suffix = {"weight": "f", "bias": "b"}[parts[-1]]
        params.append((f"{prefix}{module}_{suffix}", array))
    rows = np.zeros(len(params), dtype=[("name", object), ("value", object)])
    for row, (name, array) in zip(rows, params, strict=True):
        row["name"], row["value"] = name, array
    names = [f"x2SR_level1_R{r + 1}_conv1" for r in range(recursions)]
    layers = np.zeros(len(names), dtype=[("name", object)])
    layers["name"] = names
    savemat(path, {"net": {"params": rows, "layers": layers, "meta": []}})


def equal(a: SRModel, b: SRModel) -> bool:
    y = torch.rand(1, 1, 5, 6)
    return torch.equal(a(y), b(y))


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    model, twin = variants.create_model("ms-lapsrn", 8), variants.create_model("ms-lapsrn", 8)
    path = tmp_path / "w.safetensors"
    save_weights(model, path, MS, 8, {"origin": "a test"})
    metadata = load_weights(twin, path, MS, 8)
    assert equal(model, twin)
    assert metadata["origin"] == "a test"
    assert '"crop": "last"' in metadata["architecture"]
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_one_ms_file_loads_at_every_scale(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(variants.create_model("ms-lapsrn", 8), path, MS, 8, {})
    for scale in (2, 4, 8):
        load_any(variants.create_model("ms-lapsrn", scale), path, MS, scale)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    """D5R2 and D5R8 have the same tensors and compute different things."""
    path = tmp_path / "w.safetensors"
    save_weights(variants.create_model("ms-lapsrn", 8), path, MS, 8, {})
    other = variants.get_variant("ms-lapsrn-d5r8")
    with pytest.raises(WeightsError, match="recursions"):
        load_weights(variants.create_model(other.name, 8), path, other, 8)
    with pytest.raises(WeightsError, match="tied"):
        load_weights(variants.create_model(CMS.name, 8), path, CMS, 8)


def test_mat_ms_lapsrn(tmp_path: Path) -> None:
    model = variants.create_model("ms-lapsrn", 4)
    write_mat(tmp_path / "net.mat", model)
    imported = import_weights(tmp_path / "net.mat", MS, None, tmp_path / "o.safetensors")
    twin = variants.create_model("ms-lapsrn", 4)
    load_any(twin, tmp_path / "o.safetensors", MS, 4)
    assert equal(model, twin)
    assert imported["scales"] == "2,4,8"
    assert sha256_of(tmp_path / "net.mat") in imported["origin"]


def test_mat_of_other_recursions_is_refused(tmp_path: Path) -> None:
    model = variants.create_model("ms-lapsrn-d5r8", 4)
    write_mat(tmp_path / "net.mat", model, recursions=8)
    with pytest.raises(WeightsError, match="8 recursions where ms-lapsrn has 2"):
        import_weights(tmp_path / "net.mat", MS, None, tmp_path / "o.safetensors")
    deep = variants.get_variant("ms-lapsrn-d5r8")
    import_weights(tmp_path / "net.mat", deep, None, tmp_path / "o.safetensors")


@pytest.mark.parametrize(("scale", "levels"), [(2, 1), (4, 2), (8, 3)])
def test_mat_lapsrn_scale_is_read_from_the_file(tmp_path: Path, scale: int, levels: int) -> None:
    model = variants.create_model("lapsrn", scale)
    write_mat(tmp_path / "net.mat", model, levels)
    imported = import_weights(tmp_path / "net.mat", LAP, None, tmp_path / "o.safetensors")
    assert imported["scales"] == str(scale)
    twin = variants.create_model("lapsrn", scale)
    load_any(twin, tmp_path / "o.safetensors", LAP, scale)
    assert equal(model, twin)
    with pytest.raises(WeightsError, match=f"{scale}x network"):
        import_weights(
            tmp_path / "net.mat", LAP, 6 - scale if scale < 8 else 2, tmp_path / "p.safetensors"
        )


def test_torch_state_dict(tmp_path: Path) -> None:
    model = variants.create_model("cms-lapsrn-conv3", 4)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "w.pth")
    import_weights(tmp_path / "w.pth", CMS, None, tmp_path / "o.safetensors")
    twin = variants.create_model("cms-lapsrn-conv3", 4)
    load_any(twin, tmp_path / "o.safetensors", CMS, 4)
    assert equal(model, twin)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("evil-was-here"),))


def test_pickles_do_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, save in (
        ("a.pth", torch.save),
        ("b.pt", lambda o, p: p.write_bytes(pickle.dumps(o))),
    ):
        save({"w": Evil()}, tmp_path / name)
        with pytest.raises(WeightsError, match="could run code"):
            import_weights(tmp_path / name, MS, None, tmp_path / "o.safetensors")
    assert not (tmp_path / "evil-was-here").exists()
    assert not (tmp_path / "o.safetensors").exists()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    state = variants.create_model("ms-lapsrn", 4).state_dict()
    state["convs.1.weight"] = torch.zeros(3, 3)
    state["extra"] = torch.zeros(1)
    del state["conv_in.bias"]
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError) as error:
        import_weights(tmp_path / "w.pth", MS, None, tmp_path / "o.safetensors")
    for words in (
        "missing conv_in.bias (64,)",
        "unexpected extra (1,)",
        "convs.1.weight is (3, 3) where the network has (64, 64, 3, 3)",
    ):
        assert words in str(error.value)


def test_not_finite_is_refused(tmp_path: Path) -> None:
    state = variants.create_model("ms-lapsrn", 4).state_dict()
    state["conv_in.bias"][0] = float("nan")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"conv_in\.bias has values that are not finite"):
        import_weights(tmp_path / "w.pth", MS, None, tmp_path / "o.safetensors")


@pytest.mark.parametrize("suffix", [".mat", ".pth", ".safetensors", ".h5"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x00" * 200])
def test_garbage_gives_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=path.name):
        import_weights(path, MS, None, tmp_path / "o.safetensors")


def test_truncated_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(variants.create_model("ms-lapsrn", 8), path, MS, 8, {})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        read_weights(path)


def test_another_mat_says_what_it_has(tmp_path: Path) -> None:
    savemat(tmp_path / "w.mat", {"apples": [1, 2], "pears": 3})
    with pytest.raises(WeightsError, match="DagNN"):
        import_weights(tmp_path / "w.mat", MS, None, tmp_path / "o.safetensors")


# A flag that makes scipy's reader run for minutes, and types of elements that crash it.
@pytest.mark.parametrize(("place", "bit"), [(163, 6), (356, 0), (489, 7)])
def test_a_mat_made_to_crash_its_reader_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, bit: int
) -> None:
    monkeypatch.setattr(matconvnet, "_LONGEST_S", 1)
    names = {"name": np.array(["a", "b"], object), "value": np.ones(3)}
    savemat(tmp_path / "plain.mat", {"net": {"params": names}})
    content = bytearray((tmp_path / "plain.mat").read_bytes())
    content[place] ^= 1 << bit
    # Compressed, it has a checksum, and a sound one.
    packed = zlib.compress(content[128:])
    head = struct.pack("<II", 15, len(packed))
    (tmp_path / "packed.mat").write_bytes(content[:128] + head + packed)
    (tmp_path / "plain.mat").write_bytes(content)
    for name in ("plain.mat", "packed.mat"):
        with pytest.raises(WeightsError, match=f"{name} (is not a readable|holds no)"):
            import_weights(tmp_path / name, MS, None, tmp_path / "o.safetensors")


def test_missing_file(tmp_path: Path) -> None:
    for suffix in (".mat", ".pth", ".safetensors"):
        with pytest.raises(WeightsError, match="no weights file"):
            import_weights(tmp_path / f"x{suffix}", MS, None, tmp_path / "o.safetensors")


def test_nothing_ships_for_an_untrained_variant() -> None:
    assert find_shipped("ms-lapsrn[recursions=8]", 4) is None
    with pytest.raises(WeightsError, match="no weights ship"):
        variants.create_model("ms-lapsrn[recursions=8]", 4, pretrained=True)


def test_manifest_and_files_agree() -> None:
    listed = {entry.file for entry in shipped_weights()}
    assert listed == {path.name for path in weights_dir().glob("*.safetensors")}
    for entry in shipped_weights():
        assert sha256_of(entry.path) == entry.sha256
        for scale in entry.scales:
            load_shipped(
                variants.create_model(entry.variant, scale),
                variants.get_variant(entry.variant),
                scale,
            )


def test_a_changed_shipped_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from variants.weights import store

    path = tmp_path / "w.safetensors"
    save_weights(variants.create_model("ms-lapsrn", 8), path, MS, 8, {})
    entry = store.ShippedWeights("ms-lapsrn", (2, 4, 8), "w.safetensors", "0" * 64)
    monkeypatch.setattr(store, "shipped_weights", lambda: (entry,))
    monkeypatch.setattr(store, "weights_dir", lambda: tmp_path)
    with pytest.raises(WeightsError, match="differs from its manifest"):
        variants.create_model("ms-lapsrn", 4, pretrained=True)


def test_a_manifest_cannot_leave_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from variants.weights import store

    monkeypatch.setattr(store, "weights_dir", lambda: tmp_path)
    assert store.ShippedWeights("a", (2,), "../../etc/passwd", "").path == tmp_path / "passwd"

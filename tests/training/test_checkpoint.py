"""Damage on the disk: a checkpoint or a log is what was written, or one sentence refuses it."""

import errno
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError, ResultsError
from harness.networks.weights import TRAINING_FILE, training_of
from harness.system.plugins import PluginError, use_plugins
from harness.training.checkpoint import NAME, read_checkpoint, write_checkpoint
from harness.training.log import FIELDS, CsvLog, read_log
from harness.training.loop import LOG_NAME
from harness.training.train import train
from tests.training.conftest import MakeRecipe
from variants.catalog import get_variant
from variants.errors import WeightsError
from variants.factory import create_model
from variants.weights.files import save_weights
from variants.weights.foreign import load_any

VARIANT = "cms-lapsrn-conv3"


def state(**changes: Any) -> dict[str, Any]:
    return {
        "fingerprint": "ours",
        "step": 3,
        "wall_s": 1.5,
        "curve": [{"step": 3, "psnr_2x": 30.1}],
        "network": {"w": torch.arange(40.0)},
        "average": {"w": torch.arange(40.0) + 1},
        "optimizers": [{"state": {0: {"m": torch.ones(40)}}, "param_groups": [{"lr": 0.1}]}],
        **changes,
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def unsealed(path: Path, content: dict[str, Any]) -> None:
    """As earlier versions wrote it, without a digest."""
    torch.save(content, path)


def test_a_checkpoint_comes_back_and_stays_what_torch_reads(tmp_path: Path) -> None:
    path = tmp_path / NAME
    for write in (write_checkpoint, unsealed):
        write(path, state())
        assert same(read_checkpoint(path, "ours"), state())
        assert same(torch.load(path, weights_only=True), state())
    assert read_checkpoint(tmp_path / "absent.pt", "ours") is None


@pytest.mark.parametrize("write", [write_checkpoint, unsealed])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), tail=st.booleans())
def test_no_flipped_bit_is_trained_on(
    write: Callable[[Path, dict[str, Any]], None],
    place: float,
    bit: int,
    tail: bool,
    tmp_path: Path,
) -> None:
    path = tmp_path / NAME
    write(path, state())
    content = bytearray(path.read_bytes())
    # The digest and the archive's directory are where a check could be talked out of checking.
    span = min(len(content), 100) if tail else len(content)
    content[len(content) - 1 - int(place * span)] ^= 1 << bit
    path.write_bytes(content)
    try:
        found = read_checkpoint(path, "ours")
    except ConfigError as error:
        assert "remove it" in str(error)  # noqa: PT017  either outcome is right
        return
    assert same(found, state())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": {"w": torch.tensor([1.0, float("nan")])}}, "network.w has values that are"),
        ({"average": {"w": torch.tensor([float("inf")])}}, "average.w has values"),
        ({"optimizers": [{"state": {0: {"m": torch.tensor(float("nan"))}}}]}, "optimizers.0.state"),
        ({"step": -1}, "impossible"),
        ({"step": "3"}, "its step is of another type"),
        ({"step": True}, "its step is of another type"),
        ({"wall_s": float("nan")}, "impossible"),
        ({"curve": [3]}, "curve"),
        ({"curve": [{"psnr_2x": 3}]}, "curve"),
        ({"network": 3}, "its network is of another type"),
        ({"fingerprint": 3}, "its fingerprint is of another type"),
        ({"fingerprint": "theirs"}, "another variant, recipe"),
    ],
)
def test_a_state_that_cannot_be_is_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / NAME, state(**changes))
    with pytest.raises(ConfigError) as caught:
        read_checkpoint(tmp_path / NAME, "ours")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\0" * 99, b"\x80\x02}q\0."])
def test_what_is_no_checkpoint_says_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ConfigError, match="remove it to start the training again"):
        read_checkpoint(tmp_path / NAME, "ours")


def test_parts_of_another_network_are_refused(tiny: MakeRecipe, tmp_path: Path) -> None:
    """Whole by its digest, and yet not what the run's networks can take."""
    recipe, out = tiny(steps=2, validate_every=2), tmp_path / "out"
    train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False)
    good = torch.load(out / NAME, weights_only=True)
    changes: dict[str, Any]
    for changes in (
        {"network": {}},
        {"average": {**good["average"], "conv_in.weight": torch.zeros(2)}},
        {"optimizers": []},
        {"optimizers": [{}] * len(good["optimizers"])},
        {"step": 3},
    ):
        write_checkpoint(out / NAME, {**good, **changes})
        with pytest.raises(ConfigError, match="not a readable checkpoint"):
            train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False)


def test_a_checkpoint_says_whose_it_is(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe, out = tiny(steps=2, validate_every=2), tmp_path / "out"
    (trained,) = train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False).networks
    model, twin = create_model(VARIANT, 8), create_model(VARIANT, 8)
    load_any(model, out / NAME, get_variant(VARIANT), 8)
    load_any(twin, trained.weights, get_variant(VARIANT), 8)
    # The averaged weights, which are those that are kept in the end.
    assert same(dict(model.state_dict()), dict(twin.state_dict()))
    other = get_variant("cms-lapsrn-conv1")
    with pytest.raises(WeightsError, match="another network than cms-lapsrn-conv1"):
        load_any(create_model(other.name, 8), out / NAME, other, 8)


def test_equal_trainings_leave_equal_files(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(steps=2, validate_every=2)
    contents = set()
    for name in ("a", "b"):
        result = train(VARIANT, recipe=recipe, out=tmp_path / name, device="cpu", progress=False)
        contents.add(result.networks[0].weights.read_bytes())
    assert len(contents) == 1


ROW = b"2,0.5,0.1,,,,0.2,3,0.1,1.5,,,\r\n"
HEADER = ",".join(FIELDS).encode() + b"\r\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a FIFO")
def test_what_waits_for_a_writer_is_no_file(tmp_path: Path) -> None:
    for name in (NAME, LOG_NAME, TRAINING_FILE, "plugin.py"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigError, match=f"cannot read .*{NAME}: not a regular file"):
        read_checkpoint(tmp_path / NAME, "")
    with pytest.raises(ConfigError, match=f"cannot read .*{LOG_NAME}: not a regular file"):
        read_log(tmp_path / LOG_NAME)
    with pytest.raises(PluginError, match="not a regular file"):
        use_plugins([tmp_path / "plugin.py"])
    weights, variant = tmp_path / "w.safetensors", get_variant("ms-lapsrn")
    save_weights(create_model("ms-lapsrn", 4), weights, variant, 4, {"training": '{"seed": 1}'})
    assert training_of(weights)["seed"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1"),
        (b"hello\n", "line 1: its columns are others"),
        (HEADER + b"\xff\xfe\x00" + ROW, "no UTF-8"),
        (HEADER + ROW.replace(b"0.5", b"x"), "line 2: its lr_factor is 'x'"),
        (HEADER + ROW + b"1,2\r\n" + ROW, "line 3: 2 values"),
        (HEADER + ROW[:-2] + b",9\r\n", "line 2: 14 values"),
        (HEADER + b"\xc2\xb2" + ROW[1:], "line 2: its step is"),
        (HEADER + b"-" + ROW, "line 2: its step is"),
        (HEADER + b"9" * 5000 + ROW, "line 2: its step is"),
        (HEADER + b'"' + ROW, "line 2"),
        (HEADER + b"\0" * 30 + b"\n" + ROW, "line 2"),
        (HEADER + b"x" * 200_000 + b"\n", "line 2: 1 values"),
        (HEADER + b"\r\n" + ROW, "line 2"),
    ],
)
def test_a_damaged_log_is_one_sentence(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        CsvLog(path, 4)
    message = str(caught.value)
    assert words in message
    assert "remove it" in message
    assert "\n" not in message
    assert len(message) < 400
    assert path.read_bytes() == content
    # A training that starts afresh has no use for it.
    CsvLog(path, 0)
    assert read_log(path) == []


@given(junk=st.binary(max_size=80), place=st.integers(0, 200))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_log_is_read_or_refused(junk: bytes, place: int, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    whole = HEADER + ROW * 3
    path.write_bytes(whole[:place] + junk + whole[place:])
    try:
        rows = read_log(path)
    except ConfigError:
        return
    assert all(int(row["step"]) >= 0 and set(row) == set(FIELDS) for row in rows)


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        ("harness.training.log.write_atomically", "no checkpoint was written yet"),
        ("harness.training.log.CsvLog.append", "no checkpoint was written yet"),
        ("harness.training.checkpoint.write_atomically", "no checkpoint was written yet"),
        ("harness.training.train.save_weights", "checkpoint.pt is kept"),
        ("harness.training.train.write_json", "checkpoint.pt is kept"),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    function: str, kept: str, tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    recipe, out = tiny(steps=2, validate_every=2), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(function, full)
        with pytest.raises(ResultsError) as caught:
            train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False)
    message = str(caught.value)
    assert "No space left on device" in message
    assert kept in message
    assert "same command" in message
    assert not list(out.glob("*.tmp"))
    (trained,) = train(VARIANT, recipe=recipe, out=out, device="cpu", progress=False).networks
    assert trained.weights.is_file()
    assert [row["step"] for row in read_log(out / LOG_NAME)] == ["2"]


def test_the_digest_is_part_of_the_file(tmp_path: Path) -> None:
    """No second file that a kill could leave behind: one rename, one file."""
    write_checkpoint(tmp_path / NAME, state())
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    with zipfile.ZipFile(BytesIO((tmp_path / NAME).read_bytes())) as archive:
        assert archive.comment.startswith(b"sha256:")
        assert archive.testzip() is None

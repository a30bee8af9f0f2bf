"""The authors' released networks beside ours; no network is needed, for the files are there."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.data.sources import Source, sources_of
from harness.errors import ConfigError, DataError
from harness.networks import authors
from harness.networks.authors import RELEASED, authors_weights
from harness.networks.weights import WeightsFile, resolve_weights
from variants.catalog import get_variant
from variants.weights.store import find_shipped


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with files under the released names, and sources that pin their bytes."""
    (tmp_path / "weights").mkdir()
    sources = []
    for files in RELEASED.values():
        for file in files.values():
            content = file.encode()
            (tmp_path / "weights" / file).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            sources.append(Source("weights", file, "a/b", "0" * 40, file, digest, len(content)))
    monkeypatch.setattr(authors, "sources_of", lambda _: tuple(sources))
    return tmp_path


def test_every_released_network_has_a_source() -> None:
    known = {source.file for source in sources_of("weights")}
    assert {file for files in RELEASED.values() for file in files.values()} <= known
    assert all(get_variant(name).has_network for name in RELEASED)


def labels(name: str, scale: int, files: tuple[WeightsFile, ...]) -> list[str]:
    return [weights.label for weights in resolve_weights(get_variant(name), scale, files)]


def test_ours_and_theirs_are_two_rows(root: Path) -> None:
    files = authors_weights(["bicubic", "lapsrn", "ms-lapsrn", "ms-lapsrn-d5r5"], [2, 4], (), root)
    assert {file.path.name for file in files if file.path.suffix == ".mat"} == {
        *("LapSRN_x2.mat", "LapSRN_x4.mat", "MSLapSRN_D5R2.mat", "MSLapSRN_D5R5.mat")
    }
    for name in ("lapsrn", "ms-lapsrn"):
        for scale in (2, 4):
            shipped = find_shipped(name, scale)
            paths = [file.path for file in files if (file.variant, file.scale) == (name, scale)]
            assert len(paths) == 2
            assert shipped is not None
            assert shipped.path in paths


def test_what_the_user_brought_stays(root: Path, tmp_path: Path) -> None:
    mine = WeightsFile(variant="ms-lapsrn", path=tmp_path / "mine.safetensors")
    files = authors_weights(["ms-lapsrn"], [4], (mine,), root)
    assert [file.path.name for file in files] == ["mine.safetensors", "MSLapSRN_D5R2.mat"]


def test_a_file_for_all_scales_is_measured_beside_theirs(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    for_8x = tmp_path / "for_8x.safetensors"
    for path in (mine, for_8x):
        save_file({"a": torch.full((1,), len(path.name))}, path)
    brought = (
        WeightsFile(variant="ms-lapsrn", path=mine, folder=tmp_path),
        WeightsFile(variant="ms-lapsrn", path=for_8x, scale=8),
    )
    files = authors_weights(["ms-lapsrn"], [4, 8], brought, root)
    assert labels("ms-lapsrn", 4, files) == ["mine", "MSLapSRN_D5R2"]
    assert labels("ms-lapsrn", 8, files) == ["for_8x", "MSLapSRN_D5R2"]


def test_other_bytes_of_that_name_are_not_taken_for_the_network(root: Path) -> None:
    (root / "weights" / "MSLapSRN_D5R2.mat").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"MSLapSRN_D5R2.mat has other bytes than"):
        authors_weights(["ms-lapsrn"], [4], (), root)


def test_nothing_released_for_a_run_is_said(root: Path) -> None:
    with pytest.raises(ConfigError, match="released are lapsrn, ms-lapsrn"):
        authors_weights(["bicubic", "cms-lapsrn-conv3"], [4], (), root)

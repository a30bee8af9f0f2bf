"""Jobs as SLURM's, by submitit's stand-ins for it."""

from pathlib import Path

import pytest

from tests.cluster.conftest import MATRIX, harness, same

pytestmark = pytest.mark.cluster
pytest.importorskip("submitit", reason="needs the extra slurm")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_the_tables_are_those_of_one_machine(cluster: str, serial: Path) -> None:
    done = harness(
        *("run", *MATRIX, "--datasets", "Set5", "--data-root", serial / "data"),
        *("--only", "cost,quality,pictures", "--results", "out"),
        *("--executor", f"slurm:{cluster}"),
    )
    assert done.returncode == 0, done.stderr
    same(serial / "results", Path("out"))
    assert not Path("out/.slurm").exists()


def test_without_slurm() -> None:
    done = harness("run", "--only", "cost", "--executor", "slurm", "--results", "out")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --executor slurm: there is no SLURM here")
    assert len(done.stderr.splitlines()) == 1


def test_another_word_than_a_cluster_s() -> None:
    done = harness("run", "--only", "cost", "--executor", "slurm:moon", "--results", "out")
    assert done.returncode == 2
    assert "it is one of slurm, local, debug" in done.stderr

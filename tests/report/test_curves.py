"""Training curves, as training writes them and as records may hold them."""

from pathlib import Path

import pytest

from harness.report import curves
from harness.report.collect import collect
from tests.report import synthetic

NESTED = [{"step": 20, "psnr_y": {"2": 33.5, "4": 28}}, {"step": 10, "psnr_y": {"2": 33.0}}]
FLAT = [{"step": 20, "psnr_2x": 33.5, "psnr_4x": 28}, {"step": 10, "psnr_2x": 33.0, "loss": 0.1}]


def manifest(monkeypatch: pytest.MonkeyPatch, *entries: dict[str, object]) -> None:
    monkeypatch.setattr(curves, "manifest", lambda: entries)


@pytest.mark.parametrize("validation", [NESTED, FLAT])
def test_curves_of_shipped_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: list[dict[str, object]]
) -> None:
    manifest(
        monkeypatch,
        {"variant": "ms-lapsrn", "scales": [2, 4], "training": {"validation": validation}},
        {"variant": "lapsrn", "scales": [2], "training": {"validation": validation}},
    )
    run = synthetic.write_run(tmp_path, [synthetic.quality("ms-lapsrn", 4, "Set14", [30.0] * 14)])
    (curve,) = collect(run).curves
    assert curve.name == "ms-lapsrn"
    assert curve.points == {2: ((10.0, 33.0), (20.0, 33.5)), 4: ((20.0, 28.0),)}


@pytest.mark.parametrize(
    "training", [{}, {"validation": None}, {"validation": [3, {"step": "x"}, {}]}, None]
)
def test_a_manifest_without_curves_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: object
) -> None:
    manifest(monkeypatch, {"variant": "ms-lapsrn", "training": training}, {})
    run = synthetic.write_run(tmp_path, [synthetic.quality("ms-lapsrn", 4, "Set14", [30.0] * 14)])
    assert collect(run).curves == []


def test_curves_of_records(tmp_path: Path) -> None:
    run = synthetic.write_run(tmp_path, synthetic.curves()[:1])
    (curve,) = collect(run).curves
    assert sorted(curve.points) == [2, 4, 8]
    assert len(curve.points[4]) == 39

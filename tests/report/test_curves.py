"""Training curves, as training writes them and as records may hold them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.report import curves
from harness.report.collect import collect
from tests.report import synthetic

NESTED = [{"step": 20, "psnr_y": {"2": 33.5, "4": 28}}, {"step": 10, "psnr_y": {"2": 33.0}}]
SHA256 = "0" * 64
"""Of synthetic weights."""
FLAT = [{"step": 20, "psnr_2x": 33.5, "psnr_4x": 28}, {"step": 10, "psnr_2x": 33.0, "loss": 0.1}]


def manifest(monkeypatch: pytest.MonkeyPatch, *entries: Mapping[str, object]) -> None:
    monkeypatch.setattr(curves, "manifest", lambda: entries)


@pytest.mark.parametrize("validation", [NESTED, FLAT])
def test_curves_of_shipped_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: list[dict[str, object]]
) -> None:
    manifest(
        monkeypatch,
        {
            "variant": "ms-lapsrn",
            "scales": [2, 4],
            "sha256": SHA256,
            "training": {"validation": validation},
        },
        {
            "variant": "lapsrn",
            "scales": [2],
            "sha256": "2" * 64,
            "training": {"validation": validation},
        },
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
    manifest(monkeypatch, {"variant": "ms-lapsrn", "sha256": SHA256, "training": training}, {})
    run = synthetic.write_run(tmp_path, [synthetic.quality("ms-lapsrn", 4, "Set14", [30.0] * 14)])
    assert collect(run).curves == []


def test_weights_that_shipped_before_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"init": "from scratch", "recipe": "fast", "steps": 20, "validation": FLAT}
    stages = [{**first, "sha256": SHA256}]
    entries = [
        {
            "variant": variant,
            "scales": [2, 4],
            "sha256": digit * 64,
            "training": {"init": "from ms-lapsrn at 4x", "recipe": "gpu", "earlier": stages},
        }
        # The second is another network, which only started from the first one's weights.
        for variant, digit in (("ms-lapsrn", "1"), ("ms-lapsrn-d5r5", "2"))
    ]
    manifest(monkeypatch, *curves.with_earlier(entries))
    record = synthetic.quality("ms-lapsrn", 4, "Set14", [30.0] * 14)
    data = collect(synthetic.write_run(tmp_path, [record]))
    (curve,) = data.curves
    assert curve.name == "ms-lapsrn"
    (training,) = data.trainings.values()
    assert (training.recipe, training.steps, training.start) == ("fast", 20, "from scratch")


def test_a_curve_is_that_of_the_weights_that_were_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of the same variant may have been trained anew since the run."""
    entry: dict[str, object] = {
        "variant": "ms-lapsrn",
        "scales": [2, 4],
        "training": {"validation": FLAT},
    }
    manifest(monkeypatch, {**entry, "sha256": "1" * 64}, entry)
    records = [
        synthetic.quality("ms-lapsrn", 4, "Set14", [30.0] * 14),
        synthetic.quality("bicubic", 4, "Set14", [28.0] * 14),
    ]
    run = synthetic.write_run(tmp_path, records)
    assert collect(run).curves == []

"""Which weights a run measures: a row for each file, labels that follow the content."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import variants
from harness.errors import ConfigError
from harness.jobs.config import RunConfig
from harness.jobs.plan import Plan, make_plan
from harness.jobs.quality.kind import KIND as QUALITY
from harness.networks.weights import WeightsFile, resolve_weights
from variants.errors import WeightsError
from variants.weights.files import save_weights
from variants.weights.store import find_shipped

NAME = "cms-lapsrn-conv1"
VARIANT = variants.get_variant(NAME)


def weights(path: Path, name: str = NAME, scale: int = 8) -> Path:
    """A file of its own random weights."""
    path.parent.mkdir(exist_ok=True)
    save_weights(variants.create_model(name, scale), path, variants.get_variant(name), scale, {})
    return path


def labels(*paths: Path, scale: int = 4) -> list[str]:
    files = [WeightsFile(variant=NAME, path=path) for path in paths]
    return [found.label for found in resolve_weights(VARIANT, scale, files)]


def plan(images: Path, *files: WeightsFile, **options: object) -> Plan:
    values = {
        "variants": (NAME,),
        "scales": (4,),
        "dataset_folders": {"photos": images},
        "only": ("cost", "quality", "latency"),
        "weights": files,
        **options,
    }
    return make_plan(RunConfig.model_validate(values))


def test_two_files_are_two_rows_and_cost_and_latency_are_measured_once(
    images: Path, tmp_path: Path
) -> None:
    files = [
        WeightsFile(variant=NAME, path=weights(tmp_path / f"{stem}.safetensors")) for stem in "ab"
    ]
    made = plan(images, *files)
    assert [job.spec.weights.label for job in made.of(QUALITY)] == ["a", "b"]
    assert len({job.id for job in made.of(QUALITY)}) == 2
    assert (len(made.by_kind["cost"]), len(made.by_kind["latency"])) == (1, 1)


def test_equal_stems_are_kept_apart_by_content_whatever_their_order(tmp_path: Path) -> None:
    a, b = (weights(tmp_path / folder / "w.safetensors") for folder in "ab")
    found = labels(a, b)
    assert len(set(found)) == 2
    assert all(label.startswith("w-") for label in found)
    assert labels(b, a) == found[::-1]
    # One of them alone keeps the plain name, and equal bytes are one row.
    assert labels(a) == ["w"]
    shutil.copy(a, tmp_path / "copy.safetensors")
    assert len(labels(a, tmp_path / "copy.safetensors")) == 1


@pytest.mark.parametrize("stem", ["shipped", "Shipped", "none", "any", "external", "own"])
def test_no_file_takes_a_label_that_means_something_else(stem: str, tmp_path: Path) -> None:
    (label,) = labels(weights(tmp_path / f"{stem}.safetensors"))
    assert label.startswith(f"{stem}-")


def test_the_bytes_that_ship_are_shipped_whatever_the_name(images: Path, tmp_path: Path) -> None:
    shipped = find_shipped(NAME, 4)
    assert shipped is not None
    copy = tmp_path / "mine.PTH"
    shutil.copy(shipped.path, copy)
    assert labels(copy, weights(tmp_path / "brought.safetensors")) == ["shipped", "brought"]
    usual = [job.id for job in plan(images).of(QUALITY)]
    copied = plan(images, WeightsFile(variant=NAME, path=copy))
    assert [job.id for job in copied.of(QUALITY)] == usual


@pytest.mark.parametrize("ending", ["safetensors", "SAFETENSORS", "pth"])
def test_weights_of_another_network_stop_a_run_before_it_starts(
    ending: str, images: Path, tmp_path: Path
) -> None:
    path = weights(tmp_path / f"w.{ending}", "cms-lapsrn-conv3")
    with pytest.raises(WeightsError, match=f"another network than {NAME}"):
        plan(images, WeightsFile(variant=NAME, path=path))


def test_a_file_that_would_do_nothing_is_refused(images: Path, tmp_path: Path) -> None:
    x2 = weights(tmp_path / "x2.safetensors", "lapsrn", 2)
    lapsrn = {"variants": ("lapsrn",)}
    with pytest.raises(ConfigError, match="it is for 2x, and this run measures 4x"):
        plan(images, WeightsFile(variant="lapsrn", path=x2), **lapsrn)
    with pytest.raises(ConfigError, match="it is for 2x, and this run measures 4x"):
        plan(images, WeightsFile(variant="lapsrn", scale=2, path=x2), **lapsrn)
    with pytest.raises(WeightsError, match="holds a 2x network, not 4x"):
        plan(images, WeightsFile(variant="lapsrn", scale=4, path=x2), **lapsrn)
    with pytest.raises(ConfigError, match="lapsrn is not among the variants"):
        plan(images, WeightsFile(variant="lapsrn", path=x2))
    own = weights(tmp_path / "own.safetensors")
    every, at_4 = (WeightsFile(variant=NAME, scale=s, path=own) for s in (None, 4))
    other = WeightsFile(variant=NAME, path=weights(tmp_path / "other.safetensors"))
    with pytest.raises(ConfigError, match="other files are given for each scale"):
        plan(images, other, at_4)
    assert len(plan(images, other, at_4, scales=(2, 4)).of(QUALITY)) == 2
    assert len(plan(images, every).of(QUALITY)) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"only": ("cost", "latency")},
            "--weights and --dataset change nothing here: cost and latency do not depend on it",
        ),
        ({"only": ("cost",), "save_images": True}, "--dataset and --save-images change nothing"),
        ({"only": ("latency",), "limit": 1, "workers": 2}, "--dataset, --limit and --workers"),
        ({"only": ("cost",), "protocols": ("python_y",)}, "--dataset and --protocol change"),
        ({"only": ("quality",), "pictures": ("x",)}, "--pictures changes nothing here: quality"),
        ({"only": ("quality",), "latency": {"batch": 4}}, "what is set for latency changes"),
        ({"only": ("latency",), "cost": {"hr_height": 8}}, "what is set for cost change"),
        ({"only": ("cost",), "dtypes": ("bf16",)}, "--dtype bf16 changes nothing here"),
        ({"only": ("cost",), "backends": ("compile",)}, "--backend compile changes nothing here"),
        ({"recipe": "paper"}, "--recipe changes nothing"),
        ({"workers": 2, "executor": "ray"}, "--workers changes nothing"),
    ],
)
def test_options_that_do_nothing_are_said(
    options: dict[str, object], words: str, images: Path, tmp_path: Path
) -> None:
    file = WeightsFile(variant=NAME, path=weights(tmp_path / "own.safetensors"))
    assert words in "\n".join(plan(images, file, **options).warnings)


def test_of_options_that_count_nothing_is_said(images: Path) -> None:
    ways: dict[str, object] = {"dtypes": ("fp32", "bf16"), "latency": {"batch": 2}, "limit": 1}
    assert not any("nothing here" in text for text in plan(images, **ways).warnings)


def test_what_is_no_weights_file_is_refused_by_name(images: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match="git-LFS pointer"):
        plan(images, WeightsFile(variant=NAME, path=path))
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(ValueError, match="no weights file"):
            plan(images, WeightsFile(variant=NAME, path=Path(name)))


def test_a_folder_gives_each_variant_its_weights(images: Path, tmp_path: Path) -> None:
    others = ("ms-lapsrn", "cms-lapsrn-conv3")
    for name in (NAME, *others):
        (tmp_path / "trained" / name).mkdir(parents=True)
        weights(tmp_path / "trained" / name / f"{name}.safetensors", name)
    files = WeightsFile.read(str(tmp_path / "trained"))
    assert {file.variant for file in files} == {NAME, *others}
    # What is not measured may lie in the folder; what is has its own weights.
    (job,) = plan(images, *files).of(QUALITY)
    assert job.spec.variant.name == NAME
    assert job.inputs["weights"] == str(tmp_path / "trained" / NAME / f"{NAME}.safetensors")


def test_a_file_named_after_its_network_is_called_after_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "from-authors"
    for entry, stem in (("", "first"), (NAME, NAME), (f"{NAME}-seed1", NAME)):
        (root / entry).mkdir(parents=True, exist_ok=True)
        weights(root / entry / f"{stem}.safetensors")
    files = WeightsFile.read(str(root))
    found = {weight.label for weight in resolve_weights(VARIANT, 4, files)}
    assert found == {"first", "from-authors", "from-authors-seed1"}
    # A folder's name that means something else is none for weights.
    root.rename(tmp_path / "shipped")
    files = WeightsFile.read(str(tmp_path / "shipped"))
    assert {file.label for file in files} == {"first", NAME}


def test_a_folder_without_weights_or_with_anybodys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \.safetensors file lies in this folder"):
        WeightsFile.read(str(tmp_path))
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=r"w\.safetensors does not say which network"):
        WeightsFile.read(str(tmp_path))
    with pytest.raises(ConfigError, match="NAME=FILE, NAME@SCALE=FILE or DIR"):
        WeightsFile.read(str(tmp_path / "nowhere"))

"""``--backend auto``: what is chosen by which figures, kept where, and used by whom."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import harness.backends
from harness.commands import list as listing
from harness.commands import upscale
from harness.errors import ConfigError, HarnessError
from harness.jobs.config import RunConfig
from harness.jobs.plan import Plan, make_plan
from harness.networks import fastest, timing, ways
from harness.networks.fastest import fastest_way
from harness.networks.ways import ATTEMPTS, ROUNDS, WINS, Measurement, Wanted
from harness.system.cache import CACHE_VARIABLE
from tests.commands.invoke import invoke
from variants import processor
from variants.backbones.base import SRModel
from variants.catalog import get_variant

NETWORK = "cms-lapsrn-conv3[width=8]"
EAGER = ROUNDS // 6 * [10.0, 10.1, 9.9, 10.2, 9.8, 10.0]
RUNTIME = '''
from harness.backends import Backend, BackendUnavailableError


def prepare(model, dtype, device, shape):
    """Remembers what it has computed, so that it is a thousand times as fast."""
    import torch

    if {broken}:
        raise BackendUnavailableError("this runtime is broken")
    known = {{}}

    def forward(y):
        key = (y.shape, float(y.sum()))
        if key not in known:
            with torch.inference_mode():
                found = model(y)
                known[key] = found + {error} * torch.randn_like(found)
        return known[key]

    return forward


BACKEND = Backend(prepare, package="numpy", dtypes=("float32",), keeps_memory_format=False)
'''


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "backends"


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> "Host":
    """Others' share of the processors while it is measured, in per cent."""
    found = Host()
    monkeypatch.setattr(timing, "HostLoad", lambda _: nullcontext(found))
    return found


@dataclass
class Host:
    busy_percent: float | None = 0.0


@pytest.fixture
def runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Beside eager, whatever is installed: a quick one, one that is wrong, and a broken one."""
    folder = tmp_path / "runtimes"
    folder.mkdir()
    made = {"quick": (False, 0.0), "wrong": (False, 0.5), "broken": (True, 0.0)}
    for name, (broken, error) in made.items():
        (folder / f"{name}.py").write_text(RUNTIME.format(broken=broken, error=error))
    monkeypatch.setattr(harness.backends, "__path__", [*harness.backends.__path__, str(folder)])
    monkeypatch.setattr(ways, "list_backends", lambda: ["broken", "eager", "quick", "wrong"])
    yield
    for name in made:
        sys.modules.pop(f"harness.backends.{name}", None)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No extra is installed."""
    monkeypatch.setattr(ways, "list_backends", lambda: ["compile", "eager", "folded"])


def wanted(threads: int = 1, dtype: str = "float32", scale: int = 2) -> Wanted:
    return Wanted(get_variant(NETWORK), scale, dtype, "cpu", "a processor", threads)


def measured(**samples: tuple[list[float], float | None]) -> Measurement:
    ways = {
        f"{name} float32": {"samples_ms": taken, "loss_db": loss}
        for name, (taken, loss) in {"eager": (EAGER, None), **samples}.items()
    }
    return Measurement.model_validate(
        {
            "conditions": wanted().conditions().stored(),
            "variant": "a",
            "measured": "2026-01-01T00:00:00+00:00",
            "ways": ways,
            "left_out": {},
        }
    )


def times(factor: float) -> list[float]:
    return [factor * sample for sample in EAGER]


def test_the_fastest_that_is_shown_is_chosen() -> None:
    assert measured(a=(times(0.8), 0.0), b=(times(0.7), -0.01)).fastest() == ("b", "float32")

    def work(backend: str, dtype: str) -> float:
        return 1.3 if backend == "a" else 1.05

    assert measured(a=(times(0.81), 0.0)).fastest(work) == ("eager", "float32")
    assert measured(a=(times(0.79), 0.0)).fastest(work) == ("a", "float32")
    found = measured(a=(times(0.7), 0.0), b=(times(0.8), 0.0))
    assert (found.fastest()[0], found.fastest(work)[0]) == ("a", "b")


def test_a_pause_of_the_machine_decides_nothing() -> None:
    """Two samples that took far longer, as on a machine that other work shares."""
    disturbed = [*times(0.88)[:WINS], *(ROUNDS - WINS) * [40.0]]
    assert measured(a=(disturbed, 0.0)).fastest() == ("a", "float32")


@pytest.mark.parametrize(
    ("samples", "loss"),
    [
        (times(1.5), 0.0),
        (times(1.0), 0.0),
        (times(0.995), 0.0),  # Within the margin.
        ([*times(0.5)[: WINS - 1], *(ROUNDS - WINS + 1) * [11.0]], 0.0),  # Too often no faster.
        (times(0.5), 0.0011),
        (times(0.5), float("nan")),
        (times(0.5)[:2], None),  # Left early.
        ([], None),
    ],
)
def test_what_is_not_shown_is_eager(samples: list[float], loss: float | None) -> None:
    assert measured(a=(samples, loss)).fastest() == ("eager", "float32")


@pytest.mark.usefixtures("runtimes")
def test_it_is_measured_once_and_kept(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *way, found = fastest_way(wanted())
    assert way == ["quick", "float32"]
    assert found is not None
    assert found.left_out == {"broken float32": "this runtime is broken"}
    assert found.ways["wrong float32"].loss_db is not None
    assert (
        found.ways["wrong float32"].loss_db > 0.001 >= abs(found.ways["quick float32"].loss_db or 0)
    )
    assert "measuring which backend is fastest" in capsys.readouterr().err
    (path,) = cache.iterdir()
    content = path.read_bytes()
    assert fastest_way(wanted(), measure=False) == ("quick", "float32", found)
    assert capsys.readouterr().err == ""
    assert path.read_bytes() == content
    # Of anything else nothing is known.
    for other in (wanted(threads=2), wanted(scale=4)):
        assert fastest_way(other, measure=False) == ("eager", "float32", None)


@pytest.mark.usefixtures("runtimes")
def test_a_disturbed_measurement_is_repeated(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> list[str]:
        fastest_way(wanted())
        return [line for line in capsys.readouterr().err.splitlines() if "not certain" in line]

    host.busy_percent = 55.2
    (first,) = told()
    assert "used 55 % of the processors" in first
    assert first.endswith("and measured again the next time.")
    host.busy_percent = 3
    assert not told()
    assert fastest_way(wanted())[2].attempt == 2  # type: ignore[union-attr]
    assert "measuring" not in capsys.readouterr().err


@pytest.mark.usefixtures("runtimes")
def test_a_machine_that_is_always_busy_is_believed_in_the_end(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.busy_percent = 90
    for _ in range(ATTEMPTS):
        fastest_way(wanted())
        assert "measuring" in capsys.readouterr().err
    *_, found = fastest_way(wanted())
    assert found is not None
    assert (found.attempt, found.disturbed) == (ATTEMPTS, True)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("runtimes")
@pytest.mark.parametrize("content", ["{", "[]", '{"ways": {}}', '{"conditions": 1}'])
def test_a_damaged_file_is_told_and_written_anew(
    content: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastest_way(wanted())
    (path,) = cache.iterdir()
    path.write_text(content)
    capsys.readouterr()
    assert fastest_way(wanted())[0] == "quick"
    assert f"{path} is damaged and will be written anew: " in capsys.readouterr().err
    assert Measurement.model_validate_json(path.read_bytes()).fastest() == ("quick", "float32")


@pytest.mark.usefixtures("runtimes")
def test_a_measurement_of_something_else_is_not_believed(cache: Path) -> None:
    fastest_way(wanted())
    (path,) = cache.iterdir()
    path.write_text(path.read_text().replace('"a processor"', '"another"'))
    assert fastest_way(wanted(), measure=False) == ("eager", "float32", None)


@pytest.mark.usefixtures("runtimes")
def test_a_cache_that_cannot_be_written_is_a_note(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.parent.write_text("a file where the folder should be")
    assert fastest_way(wanted())[0] == "quick"
    assert "cannot be kept in" in capsys.readouterr().err


@pytest.mark.usefixtures("alone")
def test_without_a_choice_nothing_is_measured(cache: Path) -> None:
    assert fastest_way(wanted()) == ("eager", "float32", None)
    assert not cache.exists()
    with pytest.raises(HarnessError, match=r"no backend .* computes in int8 on cpu"):
        fastest_way(wanted(dtype="int8"))


def plan(measures: bool = True, **options: object) -> Plan:
    usual = {"variants": (NETWORK, "bicubic"), "scales": (2,), "datasets": ("embedded",)}
    config = RunConfig.model_validate({**usual, "limit": 1, "device": "cpu", **options})
    return make_plan(config, measures=measures)


@pytest.mark.usefixtures("runtimes")
def test_jobs_hold_what_auto_is() -> None:
    only = ("cost", "quality", "latency")
    named = [job.id for job in plan(only=only, backends=("quick",)).jobs]
    made = plan(only=only, backends=("auto",))
    assert [job.id for job in made.jobs] == named
    assert {job.spec.backend for job in made.jobs} == {"quick", "eager"}
    assert f"--backend auto is quick for {NETWORK} 2x" in made.warnings
    both = plan(only=only, backends=("quick", "auto"))
    assert [job.id for job in both.jobs] == named


@pytest.mark.usefixtures("runtimes")
def test_a_dry_run_measures_nothing(cache: Path) -> None:
    eager = [job.id for job in plan(only=("quality",)).jobs]
    assert [job.id for job in plan(False, only=("quality",), backends=("auto",)).jobs] == eager
    assert not cache.exists()


def test_auto_is_of_this_machine() -> None:
    with pytest.raises(ConfigError, match="--backend auto measures this machine"):
        plan(backends=("auto",), executor="ray")


@pytest.mark.usefixtures("runtimes")
def test_list_shows_what_was_measured() -> None:
    assert "the fastest here, measured when it is first asked for" in invoke(listing.command).output
    fastest_way(wanted())
    shown = invoke(listing.command).output
    assert f"quick float32 for {NETWORK} 2x, 384x384 HR pixels, a processor, 1 thread" in shown


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def upscaled(photo: Path, backend: str | None) -> tuple[np.ndarray, str]:
    out = photo.with_name(f"{backend}.png")
    named = ("--variant", "cms-lapsrn-conv3", "--scale", "2", "--device", "cpu", "--tile", "40")
    by = () if backend is None else ("--backend", backend)
    told = invoke(upscale.command, photo, *named, *by, "-o", out).output
    return np.asarray(Image.open(out)).astype(int), told


@pytest.mark.usefixtures("runtimes")
def test_upscale_measures_where_it_pays(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, told = upscaled(photo, "eager")
    assert "--backend" not in told
    found, told = upscaled(photo, "auto")
    assert "--backend auto is eager in float32 here for so few pixels" in told
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(upscale, "WORTH_MEASURING", 1)
    found, told = upscaled(photo, "auto")
    assert "--backend auto is quick in float32 here, " in told
    assert np.abs(found - expected).max() <= 1


def test_another_dtype_is_chosen_by_the_same_measure() -> None:
    found = measured(a=(times(0.85), 0.0))
    found.ways["eager bfloat16"] = found.ways["a float32"]
    assert found.fastest(lambda backend, _: 1 + (backend == "a")) == ("eager", "bfloat16")
    found.ways["a bfloat16"] = found.ways["a float32"].model_copy(update={"samples_ms": times(0.5)})
    assert found.fastest() == ("a", "bfloat16")
    assert found.speedup("a", "bfloat16") == pytest.approx(2)


@pytest.mark.usefixtures("alone")
def test_other_dtypes_take_part_where_they_are_asked_for() -> None:
    also = replace(wanted(), also=("bfloat16",))
    assert wanted().candidates() == [("eager", "float32")]
    assert also.candidates() == [("eager", "float32"), ("eager", "bfloat16")]
    _, _, found = fastest_way(also)
    assert found is not None
    assert set(found.ways) == {"eager float32", "eager bfloat16"}
    assert found.conditions.ways == ["eager float32", "eager bfloat16"]


@pytest.mark.usefixtures("alone")
def test_upscale_takes_what_is_known_without_a_word(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --backend, only what is not usual is told."""
    expected, _ = upscaled(photo, "eager")
    found, told = upscaled(photo, None)
    assert "Note" not in told
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(upscale, "WORTH_MEASURING", 1)
    monkeypatch.setattr(upscale, "slowness", lambda dtypes, device: None)
    monkeypatch.setattr(Measurement, "fastest", lambda self, work: ("eager", "bfloat16"))
    found, told = upscaled(photo, None)
    assert "--backend auto is eager in bfloat16 here, " in told
    assert 0 < np.abs(found - expected).max() <= 3


@pytest.mark.parametrize(
    ("others", "threads"),
    [({}, 4), ({"2": times(0.9)}, 2), ({"2": times(0.995)}, 4), ({"2": EAGER[:3]}, 4)],
)
def test_fewer_threads_are_chosen_where_they_are_always_faster(
    others: dict[str, list[float]], threads: int
) -> None:
    found = measured().model_copy(update={"conditions": wanted(threads=4).conditions()})
    found.threads_ms.update(others and {"4": EAGER, **others})
    assert found.fastest_threads() == threads


def test_numbers_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest, "usable_cpus", lambda: 8)
    for cores, numbers in ((4, [4, 8]), (8, [8]), (64, [8]), (None, [8])):
        monkeypatch.setattr(processor, "physical_cores", lambda cores=cores: cores)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        assert fastest.numbers_of_threads() == numbers
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        assert fastest.numbers_of_threads() == [1]


@pytest.fixture
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


@pytest.mark.usefixtures("alone")
def test_upscale_computes_with_the_number_of_threads_that_is_fastest(
    photo: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(upscale, "WORTH_MEASURING", 1)
    monkeypatch.setattr(upscale, "slowness", lambda dtypes, device: "no bfloat16")
    monkeypatch.setattr(fastest, "numbers_of_threads", lambda: [threads, threads + 1])
    # Whichever is faster here.
    monkeypatch.setattr(Measurement, "fastest_threads", lambda self: threads)
    upscaled(photo, None)
    (found,) = fastest.measurements()
    assert [len(found.threads_ms[str(n)]) for n in (threads, threads + 1)] == [ROUNDS, ROUNDS]
    monkeypatch.setattr(Measurement, "fastest_threads", lambda self: threads + 1)
    _, told = upscaled(photo, None)
    assert f"with {threads + 1} threads it is faster here than with {threads}." in told
    assert torch.get_num_threads() == threads + 1
    assert f"{threads + 1} threads; speeds" in invoke(listing.command).output


def test_upscale_folds_the_network(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from variants import fold

    folded: list[object] = []
    original = fold.fold

    def spy(model: SRModel) -> SRModel:
        folded.append(model)
        return original(model)

    monkeypatch.setattr(fold, "fold", spy)
    expected, _ = upscaled(photo, "eager")
    assert not folded
    found, _ = upscaled(photo, "folded")
    assert len(folded) == 1
    assert np.abs(found - expected).max() <= 1

"""Specs and results are written as they were read; kinds are found; older schemas still count."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.jobs import kinds as registry
from harness.jobs.base import Job, JobKind, Record, digest
from harness.jobs.cost.kind import KIND as COST
from harness.jobs.cost.models import CostSpec
from harness.jobs.executors.local import SerialExecutor
from harness.jobs.kinds import kinds
from harness.jobs.runner import Runner
from harness.jobs.store import ResultsFolder
from tests.jobs.test_records import sound
from tests.report import synthetic

STORED = sorted((Path(__file__).parents[2] / "results").glob("*/jobs"))


def text(content: Any) -> str:
    """As it is hashed: 3 is not 3.0 here."""
    return json.dumps(content, sort_keys=True)


@pytest.mark.parametrize("jobs", STORED, ids=lambda path: path.parent.name)
def test_every_stored_record_would_be_written_as_it_is(jobs: Path) -> None:
    for name, record in ResultsFolder(jobs.parent).read().items():
        assert text(record.as_dict()) == text(json.loads((jobs / f"{name}.json").read_text()))


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False), st.text()
)
unknown = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1).map("x_{}".format),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
    max_size=3,
)
numbers = st.one_of(st.integers(0, 9), st.integers(0, 9).map(float))


@pytest.mark.parametrize("kind", sorted(kinds()))
@settings(max_examples=40, deadline=None)
@given(more=unknown, number=numbers, data=st.data())
def test_specs_and_results_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    more: dict[str, Any],
    number: float,
    data: st.DataObject,
) -> None:
    """With keys that nobody knows, without optional ones, and with whole numbers of either type."""
    record = _SOUND.setdefault(kind, _sound(kind, tmp_path_factory))
    declared = kinds()[kind]
    spec, result = record.spec.stored() | more, record.as_dict()["result"] | more
    for part, model in ((spec, declared.spec), (result, declared.result)):
        optional = [k for k in part if k in model.model_fields and k not in _required(model)]
        for key in data.draw(st.sets(st.sampled_from(optional))) if optional else ():
            del part[key]
        for key, value in part.items():
            if type(value) is float and key in model.model_fields:
                part[key] = number
    assert text(declared.spec.model_validate(spec).stored()) == text(spec)
    if "rounds" in result:
        result.pop("rounds")
    assert text(declared.result.model_validate(result).stored()) == text(result)


_SOUND: dict[str, Record] = {}


def _sound(kind: str, folders: pytest.TempPathFactory) -> Record:
    return next(r for r in sound(folders.mktemp("run")) if r.kind == kind)


def _required(model: Any) -> set[str]:
    return {name for name, info in model.model_fields.items() if info.is_required()}


def test_whole_numbers_of_either_type_are_different_jobs() -> None:
    spec = synthetic.cost("lapsrn", 4, 1, 1.0).spec.stored()
    ids = [COST.job({**spec, "x": value}).id for value in (3, 3.0, "3", True, None)]
    assert len({*ids, COST.job(spec).id}) == 6
    options = {"warmup_s": 0.3, "max_s": 3, "min_samples": 20, "target": 0.01}
    latency = {**synthetic.latency("lapsrn", 4, 1.0).spec.stored(), "options": options}
    other = {**latency, "options": {**options, "max_s": 3.0}}
    assert kinds()["latency"].job(latency).id != kinds()["latency"].job(other).id


def test_kinds_are_executed_in_their_order() -> None:
    assert list(kinds()) == ["cost", "quality", "pictures", "latency"]
    assert registry.kind_names() == sorted(kinds())


@pytest.mark.parametrize("base", ["nothing", "latency", "pictures"])
def test_a_kind_builds_on_one_before_it(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    pictures = kinds()["pictures"]
    registry.kinds.cache_clear()
    monkeypatch.setattr("harness.jobs.pictures.kind.KIND", replace(pictures, builds_on=base))
    with pytest.raises(ValueError, match=f"builds on {base}"):
        kinds()
    registry.kinds.cache_clear()


def test_a_record_of_an_unknown_kind_is_left_out_with_a_note(tmp_path: Path) -> None:
    known = synthetic.cost("lapsrn", 4, 1, 1.0)
    folder = synthetic.write_run(tmp_path, [known, replace(known, id="energy-x", kind="energy")])
    results = ResultsFolder(folder)
    assert list(results.read()) == [known.id]
    assert results.problems == [
        "energy-x.json is of a kind of job that is not known here: energy; left out"
    ]


class NewSpec(CostSpec):
    """A later layout: the size is said in a unit, which older records lack."""

    unit: str

    def names(self) -> list[str]:
        return [*super().names(), self.unit]


def to_1(record: dict[str, Any]) -> dict[str, Any]:
    """Before, the size was one list; changes what it is given, as migrations may."""
    record["spec"]["hr_height"], record["spec"]["hr_width"] = record["spec"].pop("size")
    record["result"]["params"] = record["result"].pop("parameters")
    return record


def to_2(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "spec": {**record["spec"], "unit": "pixels"}}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> JobKind:
    """Cost jobs as a later version of this harness might have them."""
    kind = replace(COST, spec=NewSpec, schema=2, migrations={0: to_1, 1: to_2})
    monkeypatch.setitem(kinds(), "cost", kind)
    return kind


NOW = synthetic.cost("lapsrn", 4, 814_242, 1e11).as_dict()


def old_records(folder: Path) -> dict[int, Path]:
    """The same job as two earlier versions stored it, by schema."""
    now, before = json.loads(json.dumps([NOW, NOW]))
    before["schema"] = 0
    before["spec"]["size"] = [before["spec"].pop("hr_height"), before["spec"].pop("hr_width")]
    before["result"]["parameters"] = before["result"].pop("params")
    # Its id as that version made it.
    before["id"] = f"cost-lapsrn-4x-{digest('cost', before['spec'])}"
    (folder / "jobs").mkdir(parents=True)
    paths = {}
    for content in (now, before):
        path = folder / "jobs" / f"{content['id']}.json"
        path.write_text(json.dumps(content))
        paths[content["schema"]] = path
    return paths


@pytest.mark.parametrize("schema", [0, 1])
def test_an_older_schema_is_brought_up_and_nothing_is_measured_again(
    tmp_path: Path, later: JobKind, schema: int
) -> None:
    paths = old_records(tmp_path)
    paths.pop(1 - schema).unlink()
    (path,) = paths.values()
    content = path.read_bytes()
    results = ResultsFolder(tmp_path)
    (record,) = results.read().values()
    assert results.problems == []
    assert (record.spec.stored()["unit"], record.as_dict()["result"]["params"]) == (
        "pixels",
        814_242,
    )
    assert record.id == path.stem
    job = later.job(record.spec.stored())
    assert record.job_id == job.id != path.stem

    class Silent:
        def update(self, job: Job, record: Record, reused: bool) -> None:
            assert reused

    runner = Runner(results, SerialExecutor(), Silent())
    runner.run([job])
    assert (runner.outcome.reused, runner.outcome.executed) == (1, 0)
    assert path.read_bytes() == content
    results.write_run({}, [job])
    assert results.current(results.read().values()) == [record]
    assert path.stem in (tmp_path / "cost.csv").read_text()


def test_without_a_migration_a_record_is_left_out(tmp_path: Path) -> None:
    paths = old_records(tmp_path)
    results = ResultsFolder(tmp_path)
    assert list(results.read()) == [paths[1].stem]
    (problem,) = results.problems
    assert "schema version 0, this harness reads 1; measure it again" in problem


def spoil_id(content: dict[str, Any]) -> None:
    content["spec"]["size"] = [1, 2]


def spoil_spec(content: dict[str, Any]) -> None:
    del content["spec"]["size"]


def spoil_result(content: dict[str, Any]) -> None:
    content["result"]["parameters"] = "many"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_id, "not named by the id"),
        (spoil_spec, "cannot be brought from schema version 0 to 1 (KeyError: 'size')"),
        (spoil_result, "result.params"),
    ],
)
@pytest.mark.usefixtures("later")
def test_what_is_brought_up_is_checked(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], words: str
) -> None:
    path = old_records(tmp_path)[0]
    content = json.loads(path.read_text())
    spoil(content)
    path.write_text(json.dumps(content))
    results = ResultsFolder(tmp_path)
    assert len(results.read()) == 1
    (problem,) = results.problems
    assert words in problem

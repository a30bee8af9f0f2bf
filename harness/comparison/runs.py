"""Two results folders to a list of changes, and to the gates that they trip."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from harness.comparison.changes import Change, Key, Missing
from harness.comparison.gates import COMPARED, Gate, parse_gate
from harness.comparison.noise import beyond_noise
from harness.comparison.output import Comparison
from harness.comparison.pairing import Pairing
from harness.jobs.base import JobKind
from harness.jobs.cost.kind import KIND as COST
from harness.jobs.latency.kind import KIND as LATENCY
from harness.jobs.quality.kind import KIND as QUALITY
from harness.jobs.store import ResultsFolder
from harness.metrics.registry import METRICS, told
from harness.report import paper
from harness.report.analysis import why_not_paired
from harness.report.collect import collect
from harness.report.data import ReportData
from harness.report.rows import Cost, Latency, Measured, Quality
from harness.report.verdicts import compare
from harness.statistics.paired import Paired, paired_differences


def compare_runs(
    run_a: Path,
    run_b: Path,
    gates: Sequence[str] = (),
    names: Mapping[str, str] = MappingProxyType({}),
) -> Comparison:
    """Compare the second run with the first, cell by cell.

    Args:
        run_a: a results folder: how it was.
        run_b: a results folder: how it is.
        gates: conditions on changes that make the comparison fail, e.g. ``psnr_y<-0.02``,
            ``params>0``, ``median_ms>5%``, ``cms-lapsrn-conv3:psnr_y<-0.02``.
        names: rows of the first run to compare with others of the second, and nothing else then:
            variants, or ``VARIANT@WEIGHTS``.

    Raises:
        ConfigError: a gate cannot be read, or a run has no row of a name in ``names``.
        ResultsError: a folder holds no results.
    """
    parsed = [parse_gate(gate) for gate in gates]
    for folder in (run_a, run_b):
        ResultsFolder(folder).require()
    a, b = collect(run_a), collect(run_b)
    changes: list[Change] = []
    missing: list[Missing] = []
    pairing = Pairing(names)
    others = [kind for kind in COMPARED if kind.name not in (QUALITY.name, COST.name, LATENCY.name)]
    costs = pairing(*({_cost_key(c): c for c in run.cost.values()} for run in (a, b)))
    latencies = pairing(*({_latency_key(c): c for c in run.latency} for run in (a, b)))
    further = [
        _figures(kind, pairing(*(_cells_of(kind, run) for run in (a, b)))) for kind in others
    ]
    for found, lacking in (
        _quality(a, b, pairing),
        _figures(COST, costs),
        _figures(LATENCY, latencies, beyond_noise),
        *further,
    ):
        changes += found
        missing += lacking
    pairing.check()
    problems = [f"{run_a}: {p}" for p in a.problems] + [f"{run_b}: {p}" for p in b.problems]
    return Comparison(
        run_a=str(run_a),
        run_b=str(run_b),
        changes=changes,
        missing=missing,
        gates=parsed,
        failures=[f for gate in parsed for f in _tripped(gate, changes, missing)],
        problems=problems,
    )


Found = tuple[list[Change], list[Missing]]
C = TypeVar("C", bound=Measured)


def _quality(a: ReportData, b: ReportData, pairing: Pairing) -> Found:
    before, after = pairing(*({_quality_key(c): c for c in _cells(run)} for run in (a, b)))
    metrics = told(cell.means for cell in (*before.values(), *after.values()))
    common, missing = _common(before, after, tuple(metrics))
    comparable: dict[str, list[Key]] = {metric: [] for metric in metrics}
    for key in common:
        reasons: dict[tuple[str, bool], list[str]] = {}
        for metric in metrics:
            # A metric that only one run, or neither, has measured is no fault of the others.
            was, now = (metric in cell.means for cell in (before[key], after[key]))
            if reason := why_not_paired(after[key], before[key], metric):
                words = "the runs saw other images" if "baseline" in reason else reason
                if was != now:
                    words = f"{metric} is not in the {'second' if was else 'first'} run"
                if was or now:
                    reasons.setdefault((words, was), []).append(metric)
            else:
                comparable[metric].append(key)
        for (words, was), names in reasons.items():
            missing.append(Missing(key, tuple(names), words, was_measured=was))
    changes = []
    for metric in metrics:
        paired = _paired(before, after, comparable[metric], metric)
        for key in comparable[metric]:
            old, new = before[key].means.get(metric), after[key].means.get(metric)
            if old is not None and new is not None:
                changes.append(Change(key, metric, old, new, paired=paired.get(key)))
    return changes, missing


def _cells(data: ReportData) -> list[Quality]:
    return [*data.quality.values(), *data.seed_quality.values(), *data.other_quality]


def _quality_key(cell: Quality) -> Key:
    e = cell.row
    words = () if cell.protocol == paper.PROTOCOL else (cell.protocol,)
    return Key(
        e.variant, e.title, cell.scale, (cell.dataset, *words), (e.weights, e.dtype, e.backend)
    )


def _paired(
    before: Mapping[Key, Quality], after: Mapping[Key, Quality], keys: Sequence[Key], metric: str
) -> dict[Key, Paired]:
    """Paired statistics, Holm-corrected over the variants of one scale and dataset."""
    families: dict[tuple[int, tuple[str, ...], tuple[str, ...]], list[Key]] = {}
    for key in keys:
        images = after[key].images
        families.setdefault((key.scale, key.place, images), []).append(key)
    found: dict[Key, Paired] = {}
    for members in families.values():
        columns = [
            paired_differences(after[k].values[metric][:, None], before[k].values[metric])[:, 0]
            for k in members
        ]
        differences = np.column_stack(columns)
        results = compare(METRICS[metric], differences, np.zeros(len(differences)))
        found |= dict(zip(members, results, strict=True))
    return found


def _cost_key(cell: Cost) -> Key:
    place = (f"{cell.spec.hr_width}\u00d7{cell.spec.hr_height}",)
    return Key(cell.row.variant, cell.row.label, cell.scale, place, ())


def _latency_key(cell: Latency) -> Key:
    e = cell.row
    way = (e.weights, e.dtype, e.backend, cell.spec.memory_format)
    return Key(e.variant, cell.title, cell.scale, (cell.place,), way)


def _cells_of(kind: JobKind, data: ReportData) -> dict[Key, Measured]:
    """Of a kind that the report has no cells of."""
    return {_key(cell): cell for cell in map(Measured, kind.records(data.records))}


def _key(cell: Measured) -> Key:
    e, spec = cell.row, cell.spec
    way = (e.weights, e.dtype, e.backend, spec.memory_format)
    return Key(e.variant, e.label, spec.scale, tuple(spec.cell()), way)


def _figures(
    kind: JobKind,
    paired: tuple[dict[Key, C], dict[Key, C]],
    noise: Callable[[C, C, str], tuple[bool | None, str]] = lambda *_: (None, ""),
) -> Found:
    """Changes of a kind's figures, and whether each is more than noise."""
    before, after = paired
    common, missing = _common(before, after, tuple(kind.figures))
    changes = []
    for key in common:
        for name in kind.figures:
            was, now = before[key], after[key]
            old, new = was.figure(name), now.figure(name)
            if old is not None and new is not None:
                real, why = noise(was, now, name)
                changes.append(Change(key, name, old, new, beyond_noise=real, note=why))
    return changes, missing


def _common(
    before: Mapping[Key, Measured], after: Mapping[Key, Measured], figures: tuple[str, ...]
) -> tuple[list[Key], list[Missing]]:
    """Cells measured in both runs, and those of which one run knows a figure and one does not."""
    common, missing = [], []
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        was, now = (cell is not None and cell.status == "done" for cell in (old, new))
        if was and now:
            common.append(key)
        elif was:
            why = (new.reason or new.status) if new is not None else "not in the second run"
            missing.append(Missing(key, figures, why, was_measured=True))
        elif now:
            why = (old.reason or old.status) if old is not None else "not in the first run"
            missing.append(Missing(key, figures, why, was_measured=False))
    return common, missing


def _tripped(gate: Gate, changes: Iterable[Change], missing: Iterable[Missing]) -> Iterator[str]:
    """Why a gate fails. One that finds nothing to compare fails too: it guards nothing."""
    judged = 0
    for change in changes:
        if change.figure == gate.figure and gate.concerns(change.key.variant):
            judged += 1
            # Of nothing at all a gate such as `params>=0` may still speak.
            noise = change.within_noise and change.difference != 0
            if not noise and gate.fails(change.before, change.after):
                yield f"{gate.text}: {change.sentence()}"
    for cell in missing:
        if gate.figure in cell.figures and cell.was_measured and gate.concerns(cell.key.variant):
            judged += 1
            yield f"{gate.text}: {cell.key.title} could not be compared: {cell.why}"
    if not judged:
        yield f"{gate.text}: neither run has anything to compare"

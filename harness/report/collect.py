"""Records to :class:`ReportData`: tolerant of what is missing, silent about nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.jobs.base import Record
from harness.jobs.cost.kind import KIND as COST
from harness.jobs.latency.kind import KIND as LATENCY
from harness.jobs.quality.kind import KIND as QUALITY
from harness.jobs.store import ResultsFolder
from harness.metrics.protocol import PROTOCOLS
from harness.report import paper
from harness.report.curves import read_curves
from harness.report.data import ReportData
from harness.report.pictures import read_pictures
from harness.report.recipe import recipe_and_seed
from harness.report.rows import (
    DEFAULT_BACKEND,
    UNREMARKABLE_WEIGHTS,
    Cost,
    Latency,
    Quality,
    ReportRow,
)
from harness.report.text import some
from harness.report.training import UNTOLD, Training, alike, read_trainings
from harness.system.text import by_numbers
from variants.catalog import known_models


def collect(results_dir: Path) -> ReportData:
    """Read a results folder.

    Records that cannot be read or understood are described in ``problems`` and left out.
    """
    folder = ResultsFolder(results_dir)
    records = folder.current(folder.read().values())
    problems = list(folder.problems)
    run = folder.read_run()
    common = _common_weights(QUALITY.records(records))
    quality, outdated = _of_one_training(
        Quality(record, common) for record in QUALITY.records(records)
    )
    quality = _without_superseded(quality)
    problems += outdated
    costs = [Cost(record) for record in COST.records(records)]
    latencies = [Latency(record) for record in LATENCY.records(records)]
    protocol = _main_protocol(quality)
    cells = {
        (cell.row, cell.scale, cell.dataset): cell for cell in quality if cell.protocol == protocol
    }
    cost = _by_variant(costs)
    seeds = {key: cell for key, cell in cells.items() if key[0].seed is not None}
    rows, told = [cell.row for cell in quality], records
    if any(
        c.status == "done" and c.row.has_network and not c.row.is_external
        for k, c in cells.items()
        if k not in seeds
    ):
        # They would be many rows of one variant; a run of nothing else is shown as it is.
        cells = {key: cell for key, cell in cells.items() if key not in seeds}
        rows = [row for row in rows if row.seed is None]
        told = [record for record in records if recipe_and_seed(record.spec.weights.label) is None]
    trainings = read_trainings(records)
    seeds |= _seeds_of_the_tables(cells, seeds, trainings)
    rows = _report_rows(rows, [*costs, *latencies])
    pictures = read_pictures(results_dir, told, rows, protocol)
    scales = {c.scale for c in quality} | {c.scale for c in costs} | {c.scale for c in latencies}
    return ReportData(
        scales=sorted(scales),
        datasets=_ordered(
            paper.DATASET_IMAGES, {c.dataset for c in (*cells.values(), *seeds.values())}
        ),
        rows=rows,
        protocol=protocol,
        protocol_summary=PROTOCOLS[protocol].summary if protocol in PROTOCOLS else "",
        quality=cells,
        seed_quality=dict(sorted(seeds.items(), key=lambda item: _place_in_catalog(item[0][0]))),
        other_quality=[cell for cell in quality if cell.protocol != protocol],
        cost=cost,
        latency=sorted(
            latencies,
            key=lambda c: (
                _place_in_catalog(c.row),
                c.scale,
                by_numbers(c.place),
                c.spec.memory_format,
            ),
        ),
        trainings=trainings,
        curves=read_curves(told),
        pictures=pictures,
        absent_datasets=_absent(run),
        failures=[(r.title, r.reason or "no reason recorded") for r in _failed(records)],
        problems=problems,
        run=run,
        records=records,
    )


def _seeds_of_the_tables(
    cells: Mapping[tuple[ReportRow, int, str], Quality],
    seeds: Mapping[tuple[ReportRow, int, str], Quality],
    trainings: Mapping[tuple[ReportRow, int], Training],
) -> dict[tuple[ReportRow, int, str], Quality]:
    """Cells of the tables' own networks, where they are one more seed: ``zoo`` of ``zoo-seed1``.

    Their labels say so and their trainings do, too.
    """
    known = {(row.variant, row.recipe, row.seed) for row, _, _ in seeds}
    found = {}
    for (row, scale, dataset), cell in cells.items():
        own = trainings.get((row, scale), UNTOLD)
        is_one = own.seed is not None and any(
            (other.variant, other.recipe, at) == (row.variant, row.weights, scale)
            and alike(own, trainings.get((other, at), UNTOLD))
            for other, at, _ in seeds
        )
        if (
            is_one
            and own.seed is not None
            and (row.variant, row.weights, str(own.seed)) not in known
        ):
            as_seed = replace(row, recipe=row.weights, seed=str(own.seed))
            found[as_seed, scale, dataset] = cell
    return found


def _common_weights(records: Iterable[Record]) -> str:
    """The label that all networks' weights but the authors' share: said once, no title needs it.

    Empty where they are several, and where a title says nothing of them anyway.
    """
    found = [(ReportRow.of(record.spec), record.status == "done") for record in records]
    found = [(r, done) for r, done in found if r.has_network and r.seed is None]
    networks = {row for row, done in found if done and not (row.is_external or row.from_authors)}
    labels = {row.weights for row in networks}
    variants = {row.variant for row in networks}
    others = any(
        row.variant in variants and row.weights not in labels and not row.from_authors
        for row, _ in found
    )
    if len(labels) != 1 or others:
        return ""
    return next(iter(labels - set(UNREMARKABLE_WEIGHTS)), "")


def _of_one_training(cells: Iterable[Quality]) -> tuple[list[Quality], list[str]]:
    """Without what was measured with weights that others have followed, and sentences about that.

    Weights keep their label when they are trained further. A row of the old and the new ones would
    be a network that nobody has.
    """
    cells = list(cells)
    newest: dict[tuple[ReportRow, int], Quality] = {}
    for cell in cells:
        known = newest.get((cell.row, cell.scale))
        if cell.status == "done" and (known is None or cell.record.started > known.record.started):
            newest[cell.row, cell.scale] = cell
    kept: list[Quality] = []
    outdated: dict[tuple[ReportRow, int], list[str]] = {}
    for cell in cells:
        last = newest.get((cell.row, cell.scale))
        if last is None or cell.status != "done" or _weights(cell) == _weights(last):
            kept.append(cell)
        else:
            outdated.setdefault((cell.row, cell.scale), []).append(cell.dataset)
    if not outdated:
        return kept, []
    scales: dict[tuple[str, str], list[str]] = {}
    for (row, scale), datasets in outdated.items():
        scales.setdefault((row.title, some(sorted(set(datasets)))), []).append(f"{scale}\u00d7")
    where = "; ".join(
        f"{title} on {datasets} at {some(found)}" for (title, datasets), found in scales.items()
    )
    titles = list(dict.fromkeys(row.title for row, _ in outdated))
    sentence = (
        "Left out, for measured with earlier weights than the other datasets of the same row: "
        f"some figures of {some(titles)}. The same run again measures what is missing: {where}."
    )
    return kept, [sentence]


def _without_superseded(cells: Sequence[Quality]) -> list[Quality]:
    """Without "no weights yet" of a network that has been given weights since."""
    has_weights = {
        (cell.row.variant, cell.scale)
        for cell in cells
        if cell.status == "done" and cell.row.seed is None and not cell.row.from_authors
    }
    return [
        cell
        for cell in cells
        if cell.status != "no_weights" or (cell.row.variant, cell.scale) not in has_weights
    ]


def _weights(cell: Quality) -> str | None:
    return cell.spec.weights.sha256


def _failed(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.status == "failed"]


def _main_protocol(cells: Sequence[Quality]) -> str:
    """The paper's where it was measured, else the one with the most cells."""
    names = [cell.protocol for cell in cells]
    if not names or paper.PROTOCOL in names:
        return paper.PROTOCOL
    return max(sorted(set(names)), key=names.count)


def _ordered(first: Iterable[str], names: Iterable[str]) -> list[str]:
    """Names in a given order, then the others alphabetically."""
    rest = set(names)
    known = [name for name in first if name in rest]
    return known + sorted(rest - set(known))


def _place_in_catalog(row: ReportRow) -> tuple[int, str, bool, str, bool, str, str]:
    """Eager float32 first: it is what a variant's name means where it is the baseline."""
    known = known_models()
    place = known.index(row.variant) if row.variant in known else len(known)
    own = row.weights not in UNREMARKABLE_WEIGHTS
    execution = (not row.is_plain, *row.execution)
    return (place, row.variant, own, row.weights, *execution)


def _report_rows(rows: Iterable[ReportRow], others: Sequence[Cost | Latency]) -> list[ReportRow]:
    """The rows of the quality tables, and variants of which only cost or latency is known."""
    rows = list(dict.fromkeys(rows))
    seen = {row.variant for row in rows}
    for cell in others:
        if cell.row.variant not in seen:
            seen.add(cell.row.variant)
            rows.append(cell.row)
    return sorted(rows, key=_place_in_catalog)


def _by_variant(costs: Sequence[Cost]) -> dict[tuple[str, int], Cost]:
    """One cost per variant and scale: it does not depend on whose weights a network holds."""
    ordered = sorted(
        costs,
        key=lambda c: (_place_in_catalog(c.row), c.scale, -c.spec.hr_height * c.spec.hr_width),
    )
    chosen: dict[tuple[str, int], Cost] = {}
    for cost in ordered:
        # A backend that rewrites the network has costs of its own.
        usual = cost.row.backend == DEFAULT_BACKEND
        key = cost.row.variant if usual else cost.row.rewritten, cost.scale
        kept = chosen.get(key)
        if kept is None or (kept.status != "done" and cost.status == "done"):
            chosen[key] = cost
    return chosen


def _absent(run: Mapping[str, Any]) -> dict[str, str]:
    """Datasets that the run looked for and did not find."""
    absent = {}
    rows = run.get("datasets")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("name") and row.get("status") != "found":
            absent[str(row["name"])] = str(row.get("reason") or row.get("status") or "not found")
    return absent

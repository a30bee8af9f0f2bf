"""A results folder to a report folder. Never imports torch."""

from collections.abc import Container
from pathlib import Path

from harness.errors import ResultsError
from harness.jobs.store import ResultsFolder
from harness.report.collect import collect
from harness.report.document import TITLE, Document, compose
from harness.report.html import page
from harness.report.markdown import markdown
from harness.report.plots.style import SIGNATURE, for_file
from harness.system.files import make_folder, remove_stale, write_atomically

DEFAULT_BASELINE = "ms-lapsrn"

_STALE_S = 2.0
"""A file of a report is written in far less; a younger one may be of another rendering."""


def render_report(
    results_dir: Path,
    out_dir: Path,
    *,
    baseline: str = DEFAULT_BASELINE,
    title: str = TITLE,
) -> list[Path]:
    """Render ``report.html``, ``report.md``, ``plots/``, ``tables/`` and ``table1.tex``.

    Args:
        results_dir: a run's results folder, with records in ``jobs/``.
        out_dir: where the report goes; made if missing.
        baseline: what every row is compared with: a variant's name, or the title of a row.
        title: of the report.

    Returns:
        The files that were written, ``report.html`` first.

    Raises:
        ResultsError: there are no records, or the report cannot be written.
    """
    ResultsFolder(results_dir).require()
    data = collect(results_dir)
    files = _files(compose(data, baseline, title))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for folder in sorted({(out_dir / name).parent for name in files} - {out_dir}):
            make_folder(folder)
        for folder in (out_dir, *out_dir.glob("*/")):
            remove_stale(folder, _STALE_S)
        for name, text in files.items():
            write_atomically(out_dir / name, text)
        _remove_stale(out_dir, files)
    except OSError as error:
        raise ResultsError(
            f"cannot write the report into {out_dir}: {error.strerror}. The results are intact; "
            "choose another folder with -o."
        ) from error
    return [out_dir / name for name in files]


def _remove_stale(out_dir: Path, files: Container[str]) -> None:
    """Plots of an earlier rendering that this one has not; only what is recognisably ours."""
    for path in (out_dir / "plots").glob("*.svg"):
        if f"plots/{path.name}" not in files:
            with path.open("rb") as file:
                if file.read(len(SIGNATURE)) == SIGNATURE.encode():
                    path.unlink()


def _files(document: Document) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        "report.html": page(document),
        "report.md": markdown(document),
    }
    files |= {f"tables/{table.name}.csv": table.csv() for table in document.tables}
    files |= {f"plots/{plot.name}.svg": for_file(plot.svg) for plot in document.plots}
    return files | document.files

"""How it was measured, and what went wrong."""

from harness.report.analysis import Analysis
from harness.report.blocks import Block, Bullets, Definitions, Details, Heading
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.method.citations import citations
from harness.report.sections.method.method import environment, how_measured
from harness.report.text import plural

_MOST_TOLD = 5


def build(data: ReportData, analysis: Analysis) -> Part:
    """Protocol, environment and timings; every failure and unusable record in full."""
    notes = [f"{what} failed: {why}" for what, why in data.failures]
    notes += list(data.problems)
    notes += [f"{name}: {why}" for name, why in data.absent_datasets.items()]
    blocks: list[Block] = [
        Definitions(how_measured(data, analysis.baseline_name)),
        Details("Environment and times", [Definitions(environment(data))]),
    ]
    if notes:
        blocks.append(Details(plural(len(notes), "note"), [Bullets(notes)]))
    blocks += [Heading("Please cite"), Bullets(citations())]
    return Part(blocks=blocks, warnings=_warnings(data))


def _warnings(data: ReportData) -> list[str]:
    """The first failures and unusable records, and how many more there are."""
    found = []
    commit = str(data.run.get("git_commit") or "")
    if commit.endswith("-dirty"):
        found.append(
            f"Measured with uncommitted changes beyond {commit.removesuffix('-dirty')[:12]}: no "
            "commit holds the code that gave these figures."
        )
    found += [f"A job failed: {what}: {why}" for what, why in data.failures[:_MOST_TOLD]]
    if (more := len(data.failures) - _MOST_TOLD) > 0:
        found.append(f"{plural(more, 'more job')} failed; see the notes.")
    found += list(data.problems[:_MOST_TOLD])
    if (more := len(data.problems) - _MOST_TOLD) > 0:
        found.append(f"{plural(more, 'more record')} could not be used; see the notes.")
    return found


SECTION = Section(80, "How it was measured", "Method", build, anchor="how")

"""The whole report as data: what all sections say, for the renderers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import PurePosixPath
from pkgutil import iter_modules

from harness.metrics.registry import METRICS, Metric
from harness.report import sections
from harness.report.analysis import Analysis, analyse
from harness.report.blocks import (
    Block,
    Figures,
    Gallery,
    Plot,
    PlotBlock,
    TableBlock,
    paragraph,
    shown,
    walk,
)
from harness.report.data import ReportData
from harness.report.section import Finding, Part, Section
from harness.report.summary import summary
from harness.report.table import Table
from harness.system.interrupts import raise_interrupt

TITLE = "What does an upsampler cost, and what does it give?"
MOST_FINDINGS = 3
_LAST = 1_000
"""The place of a section that cannot even say its own."""


@dataclass(frozen=True)
class Chapter:
    """A section and what it says."""

    section: Section
    part: Part

    @property
    def all_blocks(self) -> list[Block]:
        """Those of the first screen, too, whether they show something or not."""
        return [*self.part.front, *self.part.blocks]

    @property
    def blocks(self) -> list[Block]:
        """Those that show something."""
        return shown(self.part.blocks)

    @property
    def tables(self) -> list[Table]:
        """What becomes ``tables/*.csv``."""
        blocks = (block for block in walk(self.all_blocks) if isinstance(block, TableBlock))
        return [*self.part.tables, *(block.table for block in blocks if block.csv is True)]

    @property
    def plots(self) -> list[Plot]:
        """All of its plots."""
        blocks = (block for block in walk(self.all_blocks) if isinstance(block, PlotBlock))
        return [plot for block in blocks for plot in block.plots]

    @property
    def pictures(self) -> Mapping[str, bytes]:
        """The pictures that it shows, by their path in the report."""
        galleries = (block for block in walk(self.part.blocks) if isinstance(block, Gallery))
        groups = (group for gallery in galleries for group in gallery.groups)
        return {picture.path: picture.content for group in groups for picture in group.pictures}


@dataclass(frozen=True)
class Document:
    """One report, before it is rendered.

    Attributes:
        title: of this run.
        lead: what was compared, in a sentence.
        chapters: of every section, in order; of those with something to show see :attr:`shown`.
    """

    data: ReportData
    title: str
    lead: str
    chapters: Sequence[Chapter]

    @property
    def shown(self) -> list[Chapter]:
        """Chapters that have something to show."""
        return [chapter for chapter in self.chapters if chapter.blocks]

    @property
    def front(self) -> list[Block]:
        """The key figures of all sections, and what stands beside them."""
        figures = [figure for chapter in self.chapters for figure in chapter.part.figures]
        blocks = [block for chapter in self.chapters for block in chapter.part.front]
        return shown([Figures(figures), *blocks])

    @property
    def metrics(self) -> list[Metric]:
        """Those that were measured, which the page's switch offers."""
        keys = {key for cell in self.data.quality.values() for key in cell.means}
        return [metric for key, metric in METRICS.items() if key in keys]

    @property
    def variants(self) -> list[tuple[str, str]]:
        """Names and labels of what was measured, in order."""
        rows = [*self.data.rows, *(c.row for c in self.data.latency)]
        rows += [cost.row for cost in self.data.cost.values()]
        return list({row.variant: (row.variant, row.label) for row in rows}.values())

    @property
    def findings(self) -> list[Finding]:
        """The most telling ones of all sections."""
        found = (finding for chapter in self.chapters for finding in chapter.part.findings)
        return sorted(filter(None, found), key=lambda finding: finding.rank)[:MOST_FINDINGS]

    @property
    def warnings(self) -> list[str]:
        """What a reader has to know before believing the rest, of all sections."""
        return [warning for chapter in self.chapters for warning in chapter.part.warnings]

    @property
    def tables(self) -> list[Table]:
        """What becomes ``tables/*.csv``."""
        return [table for chapter in self.chapters for table in chapter.tables]

    @property
    def plots(self) -> list[Plot]:
        """What becomes ``plots/*.svg``."""
        return [plot for chapter in self.chapters for plot in chapter.plots]

    @property
    def files(self) -> dict[str, str | bytes]:
        """The sections' own files, and the pictures that they show."""
        files: dict[str, str | bytes] = {}
        for chapter in self.chapters:
            files |= {**chapter.part.files, **chapter.pictures}
        return files


def find_sections() -> list[Section]:
    """Every section there is, in order."""
    names = [module.name for module in iter_modules(sections.__path__) if module.ispkg]
    found = [_named(name) for name in names]
    return sorted(found, key=lambda section: (section.order, section.name))


def _named(name: str) -> Section:
    try:
        section: Section = import_module(f"{sections.__name__}.{name}").SECTION
    except Exception as error:
        raise_interrupt()
        section = Section(_LAST, name, name, _failing(error))
    return replace(section, name=name, anchor=section.anchor or f"{name}-section")


def _failing(error: Exception) -> Callable[[ReportData, Analysis], Part]:
    """What a section that cannot be imported says."""

    def build(data: ReportData, analysis: Analysis) -> Part:
        raise error

    return build


def compose(data: ReportData, baseline: str, title: str = TITLE) -> Document:
    """Ask every section what it has to say.

    Args:
        data: from :func:`harness.report.collect.collect`.
        baseline: a variant's name, or the title of a row.
        title: of this run.
    """
    analysis = analyse(data, baseline)
    taken: set[str] = set()
    chapters = [_chapter(section, data, analysis, taken) for section in find_sections()]
    return Document(data, title, summary(data, analysis), chapters)


def _chapter(section: Section, data: ReportData, analysis: Analysis, taken: set[str]) -> Chapter:
    """A section that fails says so in its place, and the others stand."""
    try:
        chapter = Chapter(section, section.build(data, analysis))
        for block in walk(chapter.all_blocks):
            if not isinstance(block, Block):
                raise TypeError(f"{block!r} is no block")
        names = list(_names(chapter))
        for name in names:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name} lies outside the report")
        for name in names:
            if name in taken or names.count(name) > 1:
                raise ValueError(f"another part of the report is called {name}, too")
    except Exception as error:
        raise_interrupt()
        why = f"{type(error).__name__}: {error}"
        sentence = f"The section {section.title} could not be made ({why})."
        return Chapter(section, Part(blocks=[paragraph(sentence)], warnings=[sentence]))
    taken.update(names)
    return chapter


def _names(chapter: Chapter) -> Iterator[str]:
    """Ids in the page and paths of files, which must differ."""
    yield f"#{chapter.section.anchor}"
    for block in walk(chapter.all_blocks):
        if isinstance(block, TableBlock):
            yield f"#{block.table.name}"
    yield from (f"tables/{table.name}.csv" for table in chapter.tables)
    yield from (f"plots/{plot.name}.svg" for plot in chapter.plots)
    yield from chapter.part.files

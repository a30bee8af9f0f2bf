"""A section of the report: one folder of :mod:`harness.report.sections`, found by being there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.report.analysis import Analysis
from harness.report.blocks import Block, KeyFigure
from harness.report.data import ReportData
from harness.report.table import Table


@dataclass(frozen=True)
class Finding:
    """One finding for the first screen.

    Attributes:
        rank: the three lowest of all sections are shown, in this order.
        headline: a sentence.
        detail: what stands behind it.
    """

    rank: int
    headline: str
    detail: str


@dataclass(frozen=True)
class Part:
    """What a section has to say about one run.

    Attributes:
        blocks: in the page's order; without any that shows something there is no section.
        figures: for the first screen, before everything else.
        front: for the first screen, beside the figures.
        findings: candidates for the first screen; None where there is none.
        warnings: what a reader has to know before believing the rest.
        tables: for CSV only, beyond those in ``blocks``.
        files: further files of the report folder, by name.
    """

    blocks: Sequence[Block] = ()
    figures: Sequence[KeyFigure] = ()
    front: Sequence[Block] = ()
    findings: Sequence[Finding | None] = ()
    warnings: Sequence[str] = ()
    tables: Sequence[Table] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """One section, the ``SECTION`` of its package.

    Attributes:
        order: among the sections, the lowest first.
        title: its heading.
        nav: what the page's bar calls it.
        build: what it says of a run's data and statistics.
        name: its folder's, filled in when it is found.
        anchor: its id in the page, ``NAME-section`` if not told.
    """

    order: int
    title: str
    nav: str
    build: Callable[[ReportData, Analysis], Part]
    name: str = ""
    anchor: str = ""

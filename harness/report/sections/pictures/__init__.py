"""Single images: every one as a row and as a dot, and crops of some."""

from harness.report.analysis import Analysis
from harness.report.blocks import (
    Block,
    Bullets,
    Details,
    Gallery,
    PlotBlock,
    TableBlock,
    paragraph,
)
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.pictures.change import with_changes
from harness.report.sections.pictures.dots import difference_plots
from harness.report.sections.pictures.fitting import fitting
from harness.report.sections.pictures.images import images_table
from harness.report.smaller import leading, smaller_networks
from harness.report.standing import is_candidate, standings

_WORDS = (
    "Crops of single images, with their PSNR on Y in dB. Some images are fixed; others were chosen "
    "for the largest spread among the variants, so they are not representative: the tables are."
)
_MOST_COLUMNS = 6


def build(data: ReportData, analysis: Analysis) -> Part:
    """Every image with its differences, and the crops that the page has room for."""
    rows = [standing.row for standing, _ in smaller_networks(data, analysis)]
    rows = rows or [s.row for s in standings(data, analysis) if is_candidate(s.row)]
    best = [standing.row for standing, _ in leading(data, analysis)][:1] or rows[:1]
    # The leading one first: its differences give the order.
    rows = [*best, *(row for row in rows if row not in best)][:_MOST_COLUMNS]
    table = images_table(data, analysis, rows)
    blocks: list[Block] = [
        Details(table.caption, [TableBlock(table, long=True)]),
        PlotBlock("", difference_plots(data, analysis), wide=True),
    ]
    pictures = fitting(data.pictures)
    if pictures.groups or pictures.problems:
        left, right = analysis.baseline_title, best[0].title if best else ""
        groups = with_changes(pictures.groups, left, right)
        blocks += [
            paragraph(_WORDS),
            Gallery(groups, (left, right)),
            Details("Pictures that are left out", [Bullets(pictures.problems)]),
        ]
    return Part(blocks)


SECTION = Section(40, "Image by image", "Images", build, anchor="pictures")

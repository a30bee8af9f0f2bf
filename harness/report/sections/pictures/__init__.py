"""Crops of single images."""

from harness.report.analysis import Analysis
from harness.report.blocks import Bullets, Gallery, paragraph
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.pictures.fitting import fitting

_WORDS = (
    "Crops of single images, with their PSNR on Y. Some images are fixed; others were chosen for "
    "the largest spread among the variants, so they are not representative: the tables are."
)


def build(data: ReportData, analysis: Analysis) -> Part:
    """What the page has room for."""
    pictures = fitting(data.pictures)
    if not pictures.groups and not pictures.problems:
        return Part()
    return Part([paragraph(_WORDS), Gallery(pictures.groups), Bullets(pictures.problems)])


SECTION = Section(40, "Pictures", "Pictures", build, anchor="pictures")

"""Ours beside the paper's Table 1."""

from harness.report import paper
from harness.report.analysis import Analysis
from harness.report.blocks import Block, Details, Mark, TableBlock, paragraph
from harness.report.data import ReportData
from harness.report.section import Part, Section
from harness.report.sections.paper.agreement import agreement_finding, met_table
from harness.report.sections.paper.authors import authors_table
from harness.report.sections.paper.claim import claim_table
from harness.report.sections.paper.comparisons import compare_with_paper, long_table, paper_tables
from harness.report.sections.paper.latex_lines import latex_table
from harness.report.sections.paper.protocol_check import bicubic_check, bicubic_warning
from harness.report.text import joined


def build(data: ReportData, analysis: Analysis) -> Part:
    """Cells met, Table 1 by scale, and the gap to the authors' networks.

    Nothing where no quality was measured: that is said once, among the results.
    """
    if not data.quality:
        return Part(blocks=[])
    comparisons = compare_with_paper(data)
    if all(c.ours is None for c in comparisons):
        # A run of other images says nothing of the paper, and asks nothing of it.
        return Part(warnings=_selections(data), tables=[long_table(comparisons)])
    tables, met = paper_tables(data, comparisons), met_table(comparisons)
    table_1: list[Block] = [
        paragraph(
            "Each cell: our mean, the best of networks trained alike in bold; below it the "
            "paper\u2019s, our difference, and ",
            Mark("reproduced", "\u2713 reproduced"),
            ", ",
            Mark("above", "\u25b2 above"),
            ", ",
            Mark("below", "\u25bc below"),
            " or \u2013 not measured. PSNR is in dB.",
        ),
        *(
            TableBlock(table, dense=True, scale=table.rows[0].scale, csv="paper")
            for table in tables
        ),
    ]
    return Part(
        blocks=[
            *_claim(data),
            paragraph(bicubic_check(comparisons)),
            Details("Table 1, ours over the paper\u2019s", table_1 if tables else []),
            Details("Cells of Table 1 that are met", [TableBlock(met, dense=True)]),
            Details(
                "The gap to the authors\u2019 released networks",
                [TableBlock(authors_table(data), dense=True, narrow="columns")],
            ),
        ],
        findings=[agreement_finding(comparisons)],
        warnings=[*bicubic_warning(comparisons), *_selections(data)],
        tables=[long_table(comparisons)],
        files=latex_table(data, analysis, comparisons),
    )


def _claim(data: ReportData) -> list[Block]:
    table = claim_table(data)
    if not table.rows:
        return [TableBlock(table)]
    words = (
        "The paper compares its networks with its own MS-LapSRN, trained alike. So does this: "
        "absolute figures depend on the training, which differs."
    )
    return [paragraph(words), TableBlock(table)]


def _selections(data: ReportData) -> list[str]:
    """Parts of the paper's datasets, which its figures say nothing of."""
    limited = sorted(
        {
            f"{c.dataset} ({c.n_images} of {paper.DATASET_IMAGES[c.dataset]})"
            for c in data.quality.values()
            if c.status == "done" and c.n_images != paper.DATASET_IMAGES.get(c.dataset, c.n_images)
        }
    )
    if not limited:
        return []
    return [f"Not whole datasets, so not compared with the paper: {joined(limited)}."]


SECTION = Section(20, "Does the paper\u2019s claim hold?", "Paper", build, anchor="paper")

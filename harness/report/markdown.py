"""``report.md``: the same blocks for GitHub, in one column and without switches."""

from collections.abc import Iterator, Sequence

from markupsafe import escape

from harness.report.blocks import (
    Block,
    Bullets,
    Definitions,
    Details,
    Explorer,
    Figures,
    Gallery,
    Heading,
    PlotBlock,
    TableBlock,
    Text,
    shown,
)
from harness.report.crops import Group
from harness.report.data import ReportData
from harness.report.document import Document
from harness.report.text import Markdown, clean, for_markdown

_MOST_PICTURES = 6
"""Beside each other: of 96 pixels they are as wide as GitHub's column."""


def markdown(document: Document) -> str:
    """The whole Markdown document."""
    return "\n\n".join(_paragraphs(document)) + "\n"


def _paragraphs(document: Document) -> Iterator[str]:
    yield f"# {for_markdown(document.title)}"
    yield for_markdown(document.lead)
    yield (
        "Contents: "
        + ", ".join(f"[{for_markdown(c.section.nav)}](#{c.section.anchor})" for c in document.shown)
        + ". Every table: [report.html](report.html), [tables/](tables)."
    )
    yield "## The answer"
    for block in document.front:
        yield from _block(block, document.data)
    yield (
        "\n".join(
            f"{i}. **{for_markdown(finding.headline)}** {for_markdown(finding.detail)}"
            for i, finding in enumerate(document.findings, 1)
        )
        or "The records carry no finding: see the notes."
    )
    if document.warnings:
        lines = ["[!WARNING]", "**How far to trust it**", ""]
        lines += [f"- {for_markdown(warning)}" for warning in document.warnings]
        yield "\n".join(f"> {line}".rstrip() for line in lines)
    for chapter in document.shown:
        yield f'<a id="{chapter.section.anchor}"></a>'
        yield f"## {for_markdown(chapter.section.title)}"
        for block in chapter.blocks:
            yield from _block(block, document.data)


def _block(block: Block, data: ReportData, *, folded: bool = False) -> Iterator[str]:
    """The paragraphs of a block; inside a fold there are no headings."""
    match block:
        case Text():
            yield for_markdown("".join(p if isinstance(p, str) else p.words for p in block.parts))
        case Heading():
            yield f"### {for_markdown(block.words)}"
        case TableBlock():
            yield from _table(block, data, folded=folded)
        case PlotBlock():
            if block.heading and not folded:
                yield f"### {for_markdown(block.heading)}"
            yield from _plots(block, data)
        case Gallery():
            for number, group in enumerate(block.groups):
                words = f"{group.image}, {group.dataset} {group.scale}\u00d7 ({group.why})"
                yield from _fold(words, list(_crops(group)), is_open=number == 0)
        case Details():
            inner = (_block(inside, data, folded=True) for inside in shown(block.blocks))
            yield from _fold(block.summary, [text for texts in inner for text in texts])
        case _:
            yield _listed(block)


def _listed(block: Figures | Explorer | Bullets | Definitions) -> str:
    """Blocks that are a list of sentences or links."""
    match block:
        case Figures():
            return "\n".join(
                f"- {for_markdown(f.name)}: **{for_markdown(f.value)}**. {for_markdown(f.detail)}"
                for f in block.figures
            )
        case Explorer():
            links = [f"[{for_markdown(words)}]({path})" for words, path in block.files]
            where = f" For an article: {', '.join(links)}." if links else ""
            return f"The page's plot has axes to choose.{where}"
        case Bullets():
            return "\n".join(f"- {for_markdown(item)}" for item in block.items)
        case Definitions():
            return "\n".join(
                f"- **{for_markdown(term)}**: {for_markdown(meaning)}"
                for term, meaning in block.pairs
            )


def _table(block: TableBlock, data: ReportData, *, folded: bool) -> Iterator[str]:
    table = block.table
    if block.long:
        yield for_markdown(f"{table.caption}: {len(table.rows):,} rows,") + Markdown(
            f" [tables/{block.csv_name}.csv](tables/{block.csv_name}.csv)."
        )
        return
    if block.narrow == "rows":
        for part in table.by_scale():
            if folded:
                yield f"**{for_markdown(part.caption)}**"
                yield part.markdown()
            else:
                yield from _fold(part.caption, [part.markdown()])
    else:
        if not folded:
            yield f"### {for_markdown(table.caption)}"
        yield from (part.table.markdown() for part in block.split(data.scales))
    yield from map(for_markdown, table.notes)


def _plots(block: PlotBlock, data: ReportData) -> Iterator[str]:
    """By scale and dataset: what a page with switches shows first, opened, then in order."""
    places: dict[str, list[str]] = {}
    for plot in block.plots:
        texts = places.setdefault(plot.place, [])
        texts.append(f"![{for_markdown(plot.title)}](plots/{plot.name}.svg)")
        if plot.note:
            texts.append(for_markdown(plot.note))
    first = next(
        (
            plot.place
            for wanted in ((data.first_scale, data.first_dataset), (None, data.first_dataset))
            for plot in block.plots
            if (plot.scale, plot.dataset) == wanted
        ),
        next((plot.place for plot in block.plots if plot.scale == data.first_scale), None),
    )
    for number, (place, texts) in enumerate(sorted(places.items(), key=lambda i: i[0] != first)):
        if place:
            yield from _fold(place, texts, is_open=number == 0)
        else:
            yield from texts


def _crops(group: Group) -> Iterator[str]:
    """Names, pictures, error maps and PSNR of one crop, as tables that fit GitHub's column."""
    whole = [
        (*column, caption) for column, caption in zip(group.columns, group.captions, strict=True)
    ]
    for start in range(0, len(whole), _MOST_PICTURES):
        columns = whole[start : start + _MOST_PICTURES]
        lines: list[list[str]] = [
            [for_markdown(name) for name, _, _, _ in columns],
            [":---:" for _ in columns],
            [f"![{for_markdown(name)}]({sr})" for name, sr, _, _ in columns],
        ]
        if group.error_scale:
            lines.append(
                [
                    f"![Error map of {for_markdown(name)}]({error})" if error else ""
                    for name, _, error, _ in columns
                ]
            )
        lines.append([for_markdown(caption) for _, _, _, caption in columns])
        yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if group.error_scale:
        yield for_markdown(group.error_scale)
    if group.change:
        yield f"![Difference of errors]({group.change.picture.path})"
        yield for_markdown(group.change.words)


def _fold(summary: str, texts: Sequence[str], *, is_open: bool = False) -> Iterator[str]:
    # A blank line would end the line of HTML, and with it the summary.
    yield f"<details{' open' if is_open else ''}>\n<summary>{escape(clean(summary))}</summary>"
    yield from texts
    yield "</details>"

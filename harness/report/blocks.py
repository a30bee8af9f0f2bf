"""What a section is made of: blocks, which every format of a report renders in its own way."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.report.crops import Group
from harness.report.table import Table


@dataclass(frozen=True)
class Mark:
    """Words in the colour of a sign.

    Attributes:
        kind: one of the marks of :class:`harness.report.table.Cell`.
        words: what people read.
    """

    kind: str
    words: str


@dataclass(frozen=True)
class Text:
    """One paragraph, of plain words and marks."""

    parts: Sequence[str | Mark]


def paragraph(*parts: str | Mark) -> Text:
    """A :class:`Text`."""
    return Text(parts)


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    words: str


@dataclass(frozen=True)
class TableBlock:
    """A table; one without rows is not shown, but becomes a CSV file.

    Attributes:
        dense: many narrow columns.
        scale: whose table it is, None where rows or columns say it.
        metric: whose table it is, None where it is of all.
        narrow: how a page without a switch splits it by scale: its rows (folded away), its
            columns (which a page with a switch splits, too), or not at all.
        csv: whether it becomes ``tables/NAME.csv``; where it does not, the name of the table
            that holds its figures, or False.
        long: so many rows that a page without a fold names its CSV file instead.
    """

    table: Table
    dense: bool = False
    scale: int | None = None
    metric: str | None = None
    narrow: Literal["rows", "columns"] | None = None
    csv: bool | str = True
    long: bool = False

    @property
    def csv_name(self) -> str:
        """The table whose CSV file holds its figures; empty where there is none."""
        if isinstance(self.csv, str):
            return self.csv
        return self.table.name if self.csv else ""

    def split(self, scales: Iterable[int]) -> "list[TableBlock]":
        """One table per scale where columns are split; itself where not."""
        if self.narrow != "columns":
            return [self]
        parts = [(scale, self.table.columns_of(scale)) for scale in scales]
        return [
            replace(self, table=part, scale=scale, narrow=None, csv=self.csv_name or False)
            for scale, part in parts
            if len(part.columns) > 1
        ]


@dataclass(frozen=True)
class Points:
    """The dots of a plot.

    Attributes:
        names: of the dots of a row, such as images.
        rows: a row's title to the figures of its dots.
        digits: of a figure, after the point.
    """

    names: Sequence[str]
    rows: Mapping[str, Sequence[float]]
    digits: int


@dataclass(frozen=True)
class Plot:
    """A drawn plot.

    Attributes:
        name: file stem and anchor, unique in the report.
        title: what it shows.
        svg: from :func:`harness.report.plots.style.to_svg`.
        scale: what the switch goes by; None is shown always.
        dataset: what the switch goes by; None is shown always.
        metric: what the switch goes by; None is shown always.
        note: what a reader has to know of it.
        points: what its dots are, in the order in which they are drawn, so that a page can tell.
        narrow: the same for a page as narrow as a telephone; empty where it is not drawn so.
    """

    name: str
    title: str
    svg: str
    scale: int | None = None
    dataset: str | None = None
    note: str = ""
    metric: str | None = None
    points: "Points | None" = None
    narrow: str = ""

    @property
    def place(self) -> str:
        """Dataset and scale in words."""
        words = [self.dataset or "", f"{self.scale}\u00d7" if self.scale else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class PlotBlock:
    """Plots of one kind under a heading, if it has one; none are not shown.

    Attributes:
        wide: one below the other, where each has many rows.
        static: for readers without a script and for other formats: another block draws the same
            in a page.
    """

    heading: str
    plots: Sequence[Plot]
    wide: bool = False
    static: bool = False


@dataclass(frozen=True)
class Axis:
    """A figure that a plot can show.

    Attributes:
        key: of :attr:`Dot.figures`.
        label: with its unit.
        is_better_high: whether more of it is better.
    """

    key: str
    label: str
    is_better_high: bool


@dataclass(frozen=True)
class Dot:
    """One network at one scale on one dataset.

    Attributes:
        title: its row's.
        figures: by key: the figure and both ends of its interval, the figure itself without one.
        is_baseline: what the differences are to.
        is_apart: trained otherwise than the baseline: shown, but not ranked beside the others.
    """

    title: str
    scale: int
    dataset: str
    figures: Mapping[str, tuple[float, float, float]]
    is_baseline: bool = False
    is_apart: bool = False


@dataclass(frozen=True)
class Explorer:
    """A plot whose axes a reader chooses, in a page with a script; none without dots.

    Attributes:
        axes: what can be chosen.
        dots: all networks at all places.
        baseline: whose the differences are to.
        files: drawings of it for an article: words and path in the report's folder.
    """

    axes: Sequence[Axis]
    dots: Sequence[Dot]
    baseline: str
    files: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the first screen.

    Attributes:
        name: what it is of.
        value: as people read it, with its unit.
        detail: where it holds, and how well it is known.
    """

    name: str
    value: str
    detail: str


@dataclass(frozen=True)
class Figures:
    """Large figures side by side; none are not shown."""

    figures: Sequence[KeyFigure]


@dataclass(frozen=True)
class Gallery:
    """Crops of images side by side; none are not shown.

    Attributes:
        pair: titles of the two that a page compares first.
    """

    groups: Sequence[Group]
    pair: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away under a summary."""

    summary: str
    blocks: Sequence["Block"]
    is_open: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean."""

    pairs: Sequence[tuple[str, str]]


Block = (
    Text
    | Heading
    | TableBlock
    | PlotBlock
    | Explorer
    | Figures
    | Gallery
    | Details
    | Bullets
    | Definitions
)


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """All blocks, those that are folded away included."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from walk(block.blocks)


def shown(blocks: Iterable[Block]) -> list[Block]:
    """Blocks that have something to show."""
    return [block for block in blocks if _has_content(block)]


def _has_content(block: Block) -> bool:
    match block:
        case TableBlock():
            return bool(block.table.rows)
        case PlotBlock():
            return bool(block.plots)
        case Explorer():
            return bool(block.dots)
        case Figures():
            return bool(block.figures)
        case Gallery():
            return bool(block.groups)
        case Details():
            return bool(shown(block.blocks))
        case Bullets():
            return bool(block.items)
        case Definitions():
            return bool(block.pairs)
    return True

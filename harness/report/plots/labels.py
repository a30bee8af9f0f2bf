"""Placing labels beside points so that none covers another, a point or the frame."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle in points, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def inside(self, other: "Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True)
class Placed:
    """A label's lower left corner, and whether it is so far off that it needs a line."""

    box: Box
    far: bool


# Right and left read best; then above and below; then the diagonals.
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_RINGS = (0.0, 7.0, 14.0, 22.0, 32.0, 44.0, 58.0, 74.0)


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    *,
    radius: float = 5.0,
) -> list[Placed | None]:
    """A place for each label, earlier ones first; None where there is no room.

    Args:
        points: centres of the markers, in points.
        sizes: width and height of the labels.
        frame: where labels may lie.
        radius: of the markers.
    """
    markers = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    taken: list[Box] = []
    leaders: list[tuple[tuple[float, float], tuple[float, float]]] = []
    placed: list[Placed | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        found = None
        for ring in _RINGS:
            for dx, dy in _SIDES:
                box = _candidate(x, y, width, height, dx, dy, radius + 2 + ring)
                far = ring > 0
                end = nearest(box, x, y)
                if not box.inside(frame) or any(box.overlaps(b) for b in [*markers, *taken]):
                    continue
                if any(_cuts(line, box) for line in leaders):
                    continue
                if far and any(_cuts(((x, y), end), b) for b in taken):
                    continue
                found = Placed(box, far)
                break
            if found:
                break
        placed.append(found)
        if found:
            taken.append(found.box)
            if found.far:
                leaders.append(((x, y), nearest(found.box, x, y)))
    return placed


def _candidate(
    x: float, y: float, width: float, height: float, dx: int, dy: int, gap: float
) -> Box:
    """The label's rectangle on one side of its point."""
    if dx and dy:
        gap *= 0.75
    centre_x = x + dx * (gap + width / 2)
    centre_y = y + dy * (gap + height / 2)
    return Box(
        centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2
    )


def nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    """The point of a rectangle that is nearest to (x, y)."""
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)


def _cuts(line: tuple[tuple[float, float], tuple[float, float]], box: Box) -> bool:
    """Whether a line runs through a rectangle, by sampling: leaders are short."""
    (x0, y0), (x1, y1) = line
    for i in range(1, 12):
        share = i / 12
        x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        if box.left < x < box.right and box.bottom < y < box.top:
            return True
    return False

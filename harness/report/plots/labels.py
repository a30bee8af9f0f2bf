"""Placing labels beside points so that none covers another, a point or the frame."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Place = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle in points, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def inside(self, other: "Box") -> bool:
        """Whether it lies wholly in the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True)
class Placed:
    """A label's rectangle, and whether it is so far off that it needs a line to its point."""

    box: Box
    far: bool


# Right and left read best; then above and below; then what lies between.
_NEAR = (0, 180, 90, 270, 45, 315, 135, 225)
_FAR = (0, 180, 30, 330, 150, 210, 60, 300, 120, 240, 15, 345, 165, 195, 90, 270)
_FAULTS = 4
"""More than the worst place that is taken at all has."""
_RINGS = (6.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0)


def place(
    points: Sequence[Place],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    *,
    others: Sequence[Place] = (),
    avoid: Sequence[Box] = (),
    radius: float = 5.0,
) -> list[Placed | None]:
    """A place for each label, earlier ones first; None where there is no room.

    Args:
        points: centres of the markers, in points.
        sizes: width and height of the labels.
        frame: where labels may lie.
        others: centres of markers without a label.
        avoid: what labels had better not lie on, such as lines.
        radius: of the markers.
    """
    markers = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in [*points, *others]]
    taken: list[Box] = []
    leaders: list[tuple[Place, Place]] = []
    placed: list[Placed | None] = []
    for point, size in zip(points, sizes, strict=True):
        found = None
        best = _FAULTS
        for candidate in _candidates(point, size, radius):
            box = candidate.box
            if not box.inside(frame) or any(box.overlaps(b) for b in [*markers, *taken]):
                continue
            if any(_cuts(line, box) for line in leaders):
                continue
            leader = (point, nearest(box, *point))
            on_line = any(box.overlaps(b) for b in avoid)
            crossing = candidate.far and any(_cuts(leader, b) for b in taken)
            faults = 2 * on_line + crossing
            if faults < best:
                found, best = candidate, faults
            if not faults:
                break
        placed.append(found)
        if found:
            taken.append(found.box)
            if found.far:
                leaders.append((point, nearest(found.box, *point)))
    return placed


def _candidates(point: Place, size: tuple[float, float], radius: float) -> Iterator[Placed]:
    """Rectangles beside a point, the best first."""
    for angle in _NEAR:
        yield Placed(_beside(point, size, angle, radius + 2), far=False)
    for ring in _RINGS:
        for angle in _FAR:
            yield Placed(_beside(point, size, angle, radius + 2 + ring), far=True)


def _beside(point: Place, size: tuple[float, float], angle: float, gap: float) -> Box:
    """The rectangle whose nearest point to a centre lies at an angle and a distance from it."""
    (x, y), (width, height) = point, size
    dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    # Sideways labels stand level with their points; others to the side that they point to.
    left = x + gap * dx + width * (dx - 1) / 2 if abs(dx) < 0.5 else x + gap * dx - width * (dx < 0)
    bottom = y + gap * dy + height * (dy - 1) / 2
    return Box(left, bottom, left + width, bottom + height)


def nearest(box: Box, x: float, y: float) -> Place:
    """The point of a rectangle that is nearest to (x, y)."""
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)


def _cuts(line: tuple[Place, Place], box: Box) -> bool:
    """Whether a line runs through a rectangle, by sampling: leaders are short."""
    (x0, y0), (x1, y1) = line
    for i in range(1, 16):
        share = i / 16
        x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        if box.left < x < box.right and box.bottom < y < box.top:
            return True
    return False

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
    placed: list[Placed | None] = [None] * len(points)
    for i, box in _place_columns(points, sizes, frame, [*markers, *avoid], radius).items():
        placed[i] = Placed(box, far=True)
        taken.append(box)
        leaders.append((points[i], nearest(box, *points[i])))
    for i, (point, size) in enumerate(zip(points, sizes, strict=True)):
        if placed[i]:
            continue
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
        placed[i] = found
        if found:
            taken.append(found.box)
            if found.far:
                leaders.append((point, nearest(found.box, *point)))
    return placed


def _place_columns(
    points: Sequence[Place],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    avoid: Sequence[Box],
    radius: float,
) -> dict[int, Box]:
    """Names of points above each other, in their order, where there is room for them, by number."""
    found: dict[int, Box] = {}
    for column in _columns(points, sizes):
        stacks = _stacks([points[i] for i in column], [sizes[i] for i in column], radius)
        others = [*avoid, *found.values()]
        boxes = next((stack for stack in stacks if _fit(stack, frame, others)), None)
        found |= dict(zip(column, boxes, strict=True)) if boxes else {}
    return found


def _fit(boxes: Sequence[Box], frame: Box, others: Sequence[Box]) -> bool:
    return all(box.inside(frame) and not any(map(box.overlaps, others)) for box in boxes)


def _columns(points: Sequence[Place], sizes: Sequence[tuple[float, float]]) -> list[list[int]]:
    """Points above each other, from the top, too close for a name beside each: two or more."""
    found: list[list[int]] = []
    for i in sorted(range(len(points)), key=lambda i: -points[i][1]):
        x, y = points[i]
        for column in found:
            last = points[column[-1]]
            if abs(points[column[0]][0] - x) < 4 and last[1] - y < 1.5 * sizes[i][1]:
                column.append(i)
                break
        else:
            found.append([i])
    return [column for column in found if len(column) > 1]


def _stacks(
    points: Sequence[Place], sizes: Sequence[tuple[float, float]], radius: float
) -> Iterator[list[Box]]:
    """Blocks of names in the order of their points, the best first: beside them, then farther."""
    step = max(height for _, height in sizes) + 0.5
    x, middle = points[0][0], sum(y for _, y in points) / len(points)
    shifts = [way * shift for shift in range(0, 61, 4) for way in (1, -1)]
    for far in (8.0, 20.0, 40.0, 56.0):
        for way in (1, -1):
            for shift in shifts:
                top = middle + shift + step * len(points) / 2
                edge = x + way * (radius + far)
                yield [
                    Box(
                        edge if way > 0 else edge - width,
                        top - step * i - height,
                        edge + width if way > 0 else edge,
                        top - step * i,
                    )
                    for i, (width, height) in enumerate(sizes)
                ]


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

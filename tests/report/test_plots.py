"""Plots: labels that cover nothing, fronts that are fronts, drawings that repeat."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.plots.forest import Mark, Panel, forest_plot
from harness.report.plots.labels import Box, place
from harness.report.plots.lines import Line, curves_plot
from harness.report.plots.pareto import Point, article_plot, front, log_ticks, pareto_plot
from harness.report.plots.rightside import spread
from harness.report.plots.strips import Strip, strip_plot
from harness.report.plots.style import for_file, for_page

LABELS = ["<script>alert(1)</script>", "$x^2$", "\u6f22\u5b57", "]]>", '" onload="alert(1)', "&lt;"]
FRAME = Box(0, 0, 400, 300)
PLACES = st.tuples(st.floats(5, 395), st.floats(5, 295))
SIZES = st.tuples(st.floats(10, 110), st.just(9.0))


@given(st.lists(st.tuples(PLACES, SIZES), min_size=1, max_size=14))
@settings(max_examples=60, deadline=None)
def test_labels_cover_neither_each_other_nor_a_point(items: list[tuple[Any, Any]]) -> None:
    points = [point for point, _ in items]
    placed = place(points, [size for _, size in items], FRAME, radius=4)
    boxes = [p.box for p in placed if p is not None]
    markers = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in points]
    for i, box in enumerate(boxes):
        assert box.inside(FRAME)
        assert not any(box.overlaps(marker) for marker in markers)
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_a_crowd_as_in_a_real_run_is_labelled_whole() -> None:
    # Five variants at one cost, two at another, almost alike.
    points = [(60.0, 250.0 - 4 * i) for i in range(5)] + [(90.0, 245.0), (90.0, 240.0), (350, 20)]
    placed = place(points, [(85.0, 9.0)] * len(points), FRAME)
    assert None not in placed


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_labels_at_line_ends_keep_their_distance(wanted: list[float]) -> None:
    placed = spread(wanted, 10.0, 0.0, 100.0)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(sorted(placed)))
    assert min(placed) >= -1e-9
    assert max(placed) <= 100 + 1e-9


def test_labels_with_room_stay_where_they_belong() -> None:
    assert spread([10.0, 50.0, 90.0], 10.0, 0.0, 100.0) == [10.0, 50.0, 90.0]


def test_the_front_knows_noise_and_other_trainings() -> None:
    noisy = [
        Point("a", 68.0, 30.0, x_low=67.5, x_high=69.5),
        Point("b", 69.0, 30.0, x_low=68.0, x_high=70.0),
    ]
    assert front(noisy) == {0, 1}, "one time, one quality: neither beats the other"
    assert front([noisy[0], Point("b", 80.0, 30.0, x_low=79, x_high=81)]) == {0}
    assert front([Point("a", 1, 30.0), Point("b", 1, 30.0001)]) == {0, 1}, "equal in print"
    apart = [Point("a", 2, 30.0), Point("released", 1, 31.0, is_apart=True)]
    assert front(apart) == {0}


def test_the_front_knows_noise_in_quality() -> None:
    def point(label: str, x: float, y: float, noise: float) -> Point:
        return Point(label, x, y, y_low=y - noise, y_high=y + noise)

    close = [point("a", 1, 0.010, 0.01), point("b", 1, 0.000, 0.01)]
    assert front(close) == {0, 1}, "their intervals overlap"
    assert front([point("a", 1, 0.050, 0.01), point("b", 1, 0.000, 0.01)]) == {0}
    assert front([point("a", 1, 0.000, 0.01), point("b", 2, 0.005, 0.01)]) == {0}, "as good, dearer"
    assert front([point("a", 1, 0.000, 0.01), point("b", 2, 0.050, 0.01)]) == {0, 1}


def test_names_of_points_above_each_other_stand_in_their_order() -> None:
    points = [(60.0, 200.0 - 5 * i) for i in (2, 0, 4, 1, 3)]
    placed = place(points, [(85.0, 9.0)] * 5, FRAME)
    tops = {points[i][1]: found.box.top for i, found in enumerate(placed) if found}
    assert len(tops) == 5
    assert [tops[y] for y in sorted(tops)] == sorted(tops.values())


def test_drawings_for_an_article_have_no_title_and_repeat() -> None:
    points = [Point("a $x$", 100, 30), Point("b", 200, 31, is_baseline=True, x_low=190, x_high=210)]
    drawn = [article_plot(points, title="The title", x_label="X", y_label="Y") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0]["pdf"].startswith(b"%PDF")
    assert drawn[0]["png"].startswith(b"\x89PNG")
    text = drawn[0]["svg"].decode()
    assert "a $x$</text>" in text, "text as text"
    assert ">The title<" not in text


def test_front_holds_what_nothing_cheaper_beats() -> None:
    points = [Point("a", 1, 30), Point("b", 2, 31), Point("c", 2, 30.5), Point("d", 3, 30.9)]
    assert front(points) == {0, 1}


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_front_is_never_empty_and_never_dominated(pairs: list[tuple[int, int]]) -> None:
    points = [Point(str(i), x, y) for i, (x, y) in enumerate(pairs)]
    best = front(points)
    assert best
    for i in set(range(len(points))) - best:
        assert any(points[j].x <= points[i].x and points[j].y >= points[i].y for j in best)


@given(st.floats(1e-3, 1e6), st.floats(3, 1e4))
def test_log_axes_have_a_few_round_ticks(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio)
    assert 1 <= len(ticks) <= 6
    assert all(low <= tick <= low * ratio for tick in ticks)


def pareto(label: str = "x") -> str:
    points = [Point(label, 100, 30), Point("b", 200, 31, is_baseline=True), Point("c", 900, 30)]
    return pareto_plot(points, title=f"T {label}", x_label="X", y_label="Y")


def strips(label: str = "x") -> str:
    rng = np.random.default_rng(0)
    rows = [
        Strip(label, rng.normal(0, 1, 20), 0.1, -0.1, 0.3, "better"),
        Strip("one image", np.array([0.2]), 0.2, np.nan, np.nan, "no verdict"),
    ]
    return strip_plot(rows, title=f"T {label}", x_label="X")


def forest(label: str = "x") -> str:
    panels = [Panel(label, [Mark(0.1, 0.0, 0.2, "worse"), None]), Panel("b", [None, Mark(0.3)])]
    return forest_plot([label, "b"], panels, title=f"T {label}", x_label="X", zero=True)


def curves(label: str = "x") -> str:
    lines = [Line(label, [0, 1, 2], [1, 2, 3]), Line("b", [0, 2], [3, 3])]
    return curves_plot(lines, title=f"T {label}", x_label="X", y_label="Y")


def test_a_pointer_on_a_point_tells_what_it_is() -> None:
    assert "<title>&lt;b&gt;: 30.000 Y, 100 X</title>" in pareto("<b>")


DRAWINGS = pytest.mark.parametrize("draw", [pareto, strips, forest, curves])


@DRAWINGS
def test_the_same_data_give_the_same_bytes(draw) -> None:
    assert draw() == draw()


@DRAWINGS
@pytest.mark.parametrize("label", LABELS)
def test_hostile_labels_are_text(draw, label: str) -> None:
    import xml.etree.ElementTree as ET

    svg = draw(label)
    root = ET.fromstring(for_file(svg))
    assert label in root.attrib["aria-label"]
    words = [node.text or "" for node in root.iter() if node.tag.endswith("text")]
    assert any(label in word for word in words)
    tags = {node.tag.rpartition("}")[2] for node in root.iter()}
    assert tags <= {"svg", "g", "path", "text", "use", "defs", "clipPath", "rect", "title"}
    for node in root.iter():
        assert not [name for name in node.attrib if name.lower().startswith("on")]


@DRAWINGS
def test_a_page_gets_colours_of_its_theme_and_ids_of_its_own(draw) -> None:
    page = for_page(draw(), "plot-7")
    assert "var(--ink)" in page
    assert "#1d1f24" not in page
    assert "xmlns" not in page
    assert "<style" not in page
    import re

    ids = re.findall(r' id="([^"]+)"', page)
    assert all(name.startswith("plot-7-") for name in ids)
    assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', page)) <= set(ids)


def test_users_settings_do_not_show() -> None:
    import matplotlib as mpl

    before = pareto()
    with mpl.rc_context({"font.size": 30, "axes.grid": False, "svg.fonttype": "path"}):
        assert pareto() == before

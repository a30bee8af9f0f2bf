"""Foreign text stays text in every format; figures read as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.report import text

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "*bold* _it_ `code` ~~no~~",
    "![x](http://example.com/x.png)",
    "[x](javascript:alert(1))",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "$x^2$",
    "@someone",
    "www.example.com",
    "https://example.com",
    "&lt;b&gt;",
    "back\\slash",
    "=====",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_hostile_text_as_it_is(name: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text.for_markdown(name))
    assert re.fullmatch(r"<p>[^<]*</p>\n", html), html
    shown = html[3:-5]
    for reference, character in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", '"'),
        ("\u200b", ""),
        ("&amp;", "&"),
    ):
        shown = shown.replace(reference, character)
    assert shown == name


@given(st.text())
def test_markdown_never_opens_a_tag_or_a_cell(name: str) -> None:
    escaped = text.for_markdown(name)
    assert "<" not in escaped
    assert "|" not in escaped
    assert "\n" not in escaped


def test_latex_escapes_its_specials() -> None:
    assert text.for_latex("50% of a_b & $c$ {d} ~ ^ \\ #") == (
        r"50\% of a\_b \& \$c\$ \{d\} \textasciitilde{} \textasciicircum{} \textbackslash{} \#"
    )


@given(st.text())
def test_clean_text_has_no_hidden_characters(name: str) -> None:
    cleaned = text.clean(name)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x00-\x1f\x7f]", cleaned)
    assert text.clean(cleaned) == cleaned


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-cmd", "@sum"])
def test_a_spreadsheet_runs_no_formula(formula: str) -> None:
    assert text.for_csv(formula) == "'" + formula


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234.5678, "1,234.57"),
        (-0.5, "\u22120.50"),
        (float("inf"), "\u221e"),
        (float("nan"), "not a number"),
        (None, "\u2013"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert text.number(value, 2) == shown


def test_differences_carry_a_sign_unless_they_round_to_nothing() -> None:
    assert text.signed(0.0312, 3) == "+0.031"
    assert text.signed(-0.0312, 3) == "\u22120.031"
    assert text.signed(-0.0001, 3) == "0.000"


def test_units() -> None:
    assert text.si(117_486_489_600) == "117.49 G"
    assert text.si(64) == "64"
    assert text.size_in_bytes(891_204) == "870.3 KiB"
    assert text.p_value(0.00001) == "< 0.0001"


def test_file_stems_are_safe() -> None:
    assert text.file_stem("../../etc/passwd") == "etc-passwd"
    assert text.file_stem("<>") == "x"


def test_a_long_text_opens_with_its_first_sentence() -> None:
    first = f"Of {'many ' * 30}words."
    assert text.opening(f"{first} A second. A third.") == (first, "A second. A third.")
    assert text.opening(first) == (first, "")
    assert text.opening("Short. Whole.") == ("Short. Whole.", "")


def test_a_list_of_names_with_commas_is_parted_by_semicolons() -> None:
    assert text.joined(["a", "b", "c"]) == "a, b and c"
    assert text.joined(["a, inverse", "b", "c"]) == "a, inverse; b and c"
    assert text.some(["a, x", "b", "c"], 2) == "a, x; b and 1 more"

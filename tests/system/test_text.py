"""Text from outside is escaped on terminals, pages and documents."""

import html
import io
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import harness
from harness.cli import main
from harness.system.text import by_numbers, clean, for_markdown, printable, say, visible
from tests.faults.base import HOSTILE_TEXTS

ANY = st.text(st.characters()) | st.sampled_from(HOSTILE_TEXTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9 \u4e2d \U0001f600", "plain \u00e9 \u4e2d \U0001f600"),
        ("a\x1b[2Jb\n", r"a\x1b[2Jb\n"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("caf\udce9.png", r"caf\xe9.png"),
        ("\ud800", r"\ud800"),
        ("a\u2028b", r"a\u2028b"),
        ("\U000e0041", r"\U000e0041"),
        ("\U0001f9d1\u200d\U0001f52c", "\U0001f9d1\u200d\U0001f52c"),
    ],
)
def test_hidden_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY)
def test_what_is_printed_has_nothing_hidden_and_can_be_written(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    shown.encode()
    assert printable(shown) == shown


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
@given(text=ANY)
def test_say_writes_to_any_terminal(encoding: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        raw = io.BytesIO()
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding, write_through=True))
        say(text)
        sys.stdout.flush()
        written = raw.getvalue().decode(encoding)
    line, end = written[:-1], written[-1]
    assert end == "\n"
    assert not [c for c in line if unicodedata.category(c) == "Cc"]


def test_say_keeps_lines_where_it_is_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb\x1b", lines=True)
    assert capsys.readouterr().out == "a\nb\\x1b\n"


@given(ANY)
def test_documents_get_no_hidden_characters(text: str) -> None:
    kept = visible(text)
    kept.encode()
    assert not [c for c in kept if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"]
    assert clean(text) == " ".join(kept.split())


@given(ANY)
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    page = MarkdownIt("gfm-like", {"linkify": False}).render(for_markdown(text))
    assert re.fullmatch(r"(<p>[^<]*</p>\n)?", page), page
    shown = html.unescape(page[3:-5]).replace("\u200b", "")
    assert shown.strip() == clean(text).strip()


def test_what_is_markdown_is_not_escaped_again() -> None:
    once = for_markdown("*a* | b")
    assert for_markdown(once) is once


def test_commands_print_by_say_alone() -> None:
    root = Path(harness.__file__).parent
    others = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\b(click\.s?echo|print)\(", path.read_text("utf-8"))
    ]
    assert others == ["system/text.py"]


@pytest.mark.parametrize("arguments", [["{}"], ["show", "{}"], ["run", "--{}"], ["report", "x{}"]])
@pytest.mark.parametrize("text", ["a\x1b[2Jb", "\u202ex", "\udce9", "a\nError: b"], ids=ascii)
def test_an_error_shows_what_was_typed_and_obeys_nothing(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([part.format(text) for part in arguments])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert printable(text) in said or ascii(text)[1:-1] in said
    assert [line for line in said.splitlines() if line.startswith("Error: b")] == []
    assert not [c for c in said if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"]


def test_numbers_within_a_text_are_compared_as_numbers() -> None:
    ordered = ["GPU", "GPU, batch 8", "GPU, batch 32"]
    assert sorted(sorted(ordered), key=by_numbers) == ordered
    assert by_numbers("batch \u00b2") == [(-1, "batch \u00b2")]  # No digit that has a value.

"""The one reader of YAML: what people write is read, all else is one sentence."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.system.yaml import LARGEST_BYTES, load_yaml, parse_yaml

TEXT = "scales: [2, 4]\nname: Füße\nlatency: {max_s: 1.5}\nempty: ~\nyes: true\n"
VALUE = {
    "scales": [2, 4],
    "name": "Füße",
    "latency": {"max_s": 1.5},
    "empty": None,
    True: True,
}
BOMB = "- &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
CHAIN = "- &a0 [x]\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, 3000))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    assert parse_yaml(TEXT.encode(encoding), "x.yaml") == VALUE


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32-be"])
def test_either_byte_order_is_read_with_its_mark(encoding: str) -> None:
    assert parse_yaml(f"\ufeff{TEXT}".encode(encoding), "x.yaml") == VALUE


def test_what_is_not_written_yet_is_none() -> None:
    assert parse_yaml(b"", "x.yaml") is None
    assert parse_yaml(b"# nothing\n", "x.yaml") is None


def test_dates_are_text_and_merged_keys_work() -> None:
    text = b"name: 2020-01-01\nbase: &b {lr: 1, steps: 2}\nmine: {<<: *b, lr: 3}\n"
    assert parse_yaml(text, "x.yaml") == {
        "name": "2020-01-01",
        "base": {"lr": 1, "steps": 2},
        "mine": {"lr": 3, "steps": 2},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.encode("latin-1"), "line 2: not UTF-8; save the file as UTF-8"),
        (b"\xff\xfe\x00", "not UTF-16"),
        (b"a: [", "line 1"),
        (b"a: 1\nb: }", "line 2"),
        (b"a: 1\n---\nb: 2\n", "line 2"),
        (b"a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice"),
        (b"a: {b: 1, b: 2}", "'b' is there twice"),
        (b"2: 1\n'2': 1", "'2' is there twice"),
        (b"[1]: 2", "a key must be"),
        (b"limit: " + b"9" * 5000, "line 1: '9999"),
        (b"limit: 0x" + b"f" * 5000, "too large"),
        (b"limit: 99999999999999999999", "too large"),
        (b"limit: !!int abc", "'abc' cannot be read as int"),
        (b"limit: !!int [1]", "line 1"),
        (b"limit: !!bool maybe", "'maybe' cannot be read as bool"),
        (b"limit: !!float ''", "cannot be read as float"),
        (b"limit: !!timestamp x", "tag"),
        (b"limit: !!binary aaaa", "tag"),
        (b"limit: !!set {a}", "tag"),
        (b"limit: !!python/object/apply:os.getcwd []", "tag"),
        (b'results: "\\ud800"', "no text"),
        (b'results: "a\\0b"', "no text"),
        (b'results: "\\x1b[2J"', "no text"),
        (b'"\\ud800": 1', "no text"),
        (b"a: \x00", "unacceptable character"),
        (b"[" * 900, "nested more than"),
        (b"{a: " * 5000, "nested more than"),
        (b"- " * 5000, "nested more than"),
        (CHAIN.encode(), "nested more than"),
        (BOMB.encode(), "more than 20,000 values"),
        (b"&a [*a]", "contains itself"),
        (b"&a {b: *a}", "contains itself"),
        (b"&a {<<: *a}", "contains itself"),
        (b"a: *b", "line 1"),
        (b"- 1\n" * 20_001, "more than 20,000 values"),
        (b" " * (LARGEST_BYTES + 1), "larger than"),
    ],
)
def test_all_else_is_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(content, "x.yaml")
    message = str(caught.value)
    assert message.startswith("cannot read x.yaml: ")
    assert words in message
    assert "\n" not in message
    assert len(message) < 200


def test_files_that_are_none(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "absent.yaml", "no recipe at"),
        (tmp_path, "Is a directory"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "a\0b", "null"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_yaml(path, "recipe")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    # Written as they are: a dumper escapes the others, which are refused.
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\ufeff")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN, st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_dumped_is_read_again(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    assert parse_yaml(text.encode(), "x.yaml") == value


@given(st.binary(max_size=60) | st.text("{}[]&*!<:-, \n\"'|>?%@0aé~#").map(str.encode))
@settings(max_examples=200, deadline=None)
def test_nothing_but_a_value_or_a_sentence(content: bytes) -> None:
    with suppress(ConfigError):
        parse_yaml(content, "x.yaml")

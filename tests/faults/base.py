"""Cases, and the functions by which they run a command or read a file."""

import contextlib
import io
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cli import main
from harness.errors import HarnessError
from variants.errors import VariantError


class WrongError(Exception):
    """The program took bad input and gave a wrong result, or said something that it may not."""


@dataclass(frozen=True)
class Case:
    """One bad (or harmless) input.

    Attributes:
        name: what is wrong with it, for people.
        run: given an empty folder; True where the program took the input, False where it refused
            it in a sentence. Raises WrongError for a wrong result; any other exception is a
            traceback that a user would have seen.
    """

    name: str
    run: Callable[[Path], bool]


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


MAX_SENTENCE = 2000
ALLOWED = "\n\t"


def command(*arguments: object) -> Said:
    """Run the command line in this process, and check what it said.

    Raises:
        WrongError: another exit code than 0, 1, 2; no sentence where it failed; a traceback or
            control characters in what it printed.
    """
    out, err = Stream(), Stream()
    stdin = sys.stdin
    try:
        sys.stdin = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(argument) for argument in arguments])
        code: Any = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdin = stdin
    said = Said(code, out.text, err.text)
    if code not in (0, 1, 2):
        raise WrongError(f"exit code {code!r}: {said.err[-200:]}")
    if "Traceback (most recent call last)" in said.out + said.err:
        raise WrongError(f"a traceback was printed: {said.err[-300:]}")
    if code and not said.err.strip() and not said.out.strip():
        raise WrongError(f"exit code {code} without a word")
    if code == 2 and len(said.err) > MAX_SENTENCE + 2 * len("".join(map(str, arguments))):
        raise WrongError(f"an error of {len(said.err):,} characters: {said.err[:200]}")
    for c in said.out + said.err:
        if not c.isprintable() and c not in ALLOWED and ord(c) < 0xA0:
            raise WrongError(f"{c!r} was printed")
    return said


class Stream(io.TextIOWrapper):
    """Standard output as a pipe of UTF-8 has it: strict, and no terminal."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", errors="strict", write_through=True)

    @property
    def text(self) -> str:
        return self.bytes.getvalue().decode("utf-8")


def took(*arguments: object) -> bool:
    """Whether a command ended well."""
    return command(*arguments).code == 0


def opens(door: Callable[[], object]) -> bool:
    """Whether a function took its input; False where it refused it in a sentence."""
    try:
        door()
    except (HarnessError, VariantError) as error:
        if not str(error).strip():
            raise WrongError("an error without a word") from error
        return False
    return True


Rng = random.Random

HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\n\n# heading\n\n![x](http://example.com/x.png)",
    "a|b|c",
    "[x](javascript:alert(1))",
    "`code`",
    "$x^2$ \\input{/etc/passwd}",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eesrever\u202c",
    "\ud800",
    "caf\udce9",
    "\x00",
    "\x85\x9b31m",
    "\ufffe\uffff",
    "</svg><script>",
    "]]>",
    "--><!--",
    "&amp;&#60;b&#62;",
    "../../victim",
    "/etc/passwd",
    "~",
    "CON",
    "x" * 300,
    "\u0301" * 50,
    "\U0001f9d1\u200d\U0001f52c",
    "e\u0301 \u00e9",
    " ",
    "",
    ".",
    "%s%n{0}{x}",
    "=cmd|' /C calc'!A0",
    "\\write18{x}",
    "- - -",
    "1. x",
    "\t\r\v\f",
    "\u2028\u2029",
    "\u200b\ufeff",
    "\U000e0041",
)

HOSTILE_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    10**19,
    -(10**18),
    10**400,
    0.0,
    -0.0,
    0.5,
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    float("-inf"),
    [],
    {},
    [1],
    [[]],
    [[[[]]]],
    ["x", "x", "x"],
    {"a": 1},
    {"": {"": {}}},
    [None],
    [0] * 3,
    *HOSTILE_TEXTS,
)


def flipped(rng: Rng, data: bytes, most: int = 4) -> bytes:
    """A few bits are others."""
    content = bytearray(data)
    for _ in range(rng.randint(1, most)):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def mutated(rng: Rng, data: bytes) -> tuple[str, bytes]:
    """One of a few kinds of damage, and its name."""
    kind = rng.choice(("flip", "flip", "flip", "cut", "insert", "drop", "repeat", "zero", "noise"))
    at = rng.randrange(len(data) + 1)
    size = rng.choice((1, 2, 4, 16, 200))
    if kind == "flip":
        return kind, flipped(rng, data)
    changed = {
        "cut": data[:at],
        "insert": data[:at] + rng.randbytes(size) + data[at:],
        "drop": data[:at] + data[at + size :],
        "repeat": data[:at] + data[max(0, at - size) : at] * 3 + data[at:],
        "zero": data[:at] + bytes(min(size, len(data) - at)) + data[at + size :],
        "noise": data[:at] + rng.randbytes(min(size, len(data) - at)) + data[at + size :],
    }
    return f"{kind} of {size} at {at}", changed[kind]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside nested lists and dicts."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:3]):
            found += places(inner, (*path, index))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of nested lists and dicts with another value at a place; ``...`` drops it."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if new is ... and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy

"""YAML that people wrote, into plain values: within bounds, without surprises."""

import codecs
from pathlib import Path
from typing import Any

import yaml

from harness.errors import ConfigError

LARGEST_BYTES = 2**20
DEEPEST = 32
MOST_VALUES = 20_000
"""Those that aliases repeat counted each time."""
LARGEST_NUMBER = 2**63 - 1

_BOMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_KNOWN = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}


class _Problem(yaml.MarkedYAMLError):
    """What is wrong, and the node where."""

    def __init__(self, problem: str, node: yaml.Node) -> None:
        super().__init__(problem=problem, problem_mark=node.start_mark)


class _Loader(yaml.SafeLoader):
    """Words, numbers, lists and mappings alone. A date stays the text that it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012  the base class' own attribute, narrowed
        first: [rule for rule in rules if rule[0] in _KNOWN | {_MERGE}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: function
        for tag, function in yaml.SafeLoader.yaml_constructors.items()
        if tag in _KNOWN or tag is None
    }
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {DEEPEST} levels deep", problem_mark=self.get_mark()
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            # What `!!int abc` and numbers of thousands of digits end in.
            kind = node.tag.removeprefix(_TAG)
            raise _Problem(f"{_shortened(node.value)} cannot be read as {kind}", node) from None
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise _Problem("a number that is too large", node)
        if isinstance(value, str) and not _is_text(value):
            raise _Problem(f"{_shortened(value)} has characters that are no text", node)
        return value


def load_yaml(path: Path, kind: str = "YAML file") -> Any:
    """The content of a YAML file, as :func:`parse_yaml` reads it.

    Args:
        path: the file; a pipe does, too.
        kind: what the file is, for the message if there is none.

    Raises:
        ConfigError: in one sentence with the file and, where there is one, the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"no {kind} at {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {path}: {reason}") from error
    return parse_yaml(content, str(path))


def parse_yaml(content: bytes, source: str) -> Any:
    """Read one YAML document of words, numbers, lists and mappings.

    Args:
        content: in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
        source: where it is from, for messages.

    Returns:
        None, bool, int (64 bits), float, str, list or dict; None for an empty document. A date is
        the text that was written.

    Raises:
        ConfigError: no YAML; another encoding; a key that is there twice; over a megabyte, 32
            levels or 20,000 values; a number beyond 64 bits; control characters in a text; a tag
            of another type. One sentence that names the source and the line.
    """
    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"cannot read {source}: it is larger than {LARGEST_BYTES:,} bytes")
    try:
        loader = _Loader(_decoded(content, source))
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        what = " ".join(str(error.problem or error.context).split())
        raise ConfigError(f"cannot read {source}: {line}{what}") from error
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"cannot read {source}: {what}") from error


def _decoded(content: bytes, source: str) -> str:
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"cannot read {source}: line {line}: not {encoding.removesuffix('-sig').upper()}; "
            "save the file as UTF-8"
        ) from error


def _check(root: yaml.Node) -> None:
    """Refuse keys that repeat, and aliases that grow too much or contain themselves."""
    known: dict[yaml.Node, tuple[int, int]] = {}
    open_nodes: set[yaml.Node] = set()

    def measure(node: yaml.Node) -> tuple[int, int]:
        """Values and levels of a node. An alias is a node again, which is known by then."""
        if node in open_nodes:
            raise _Problem("an alias that contains itself", node)
        if node not in known:
            open_nodes.add(node)
            parts = [measure(child) for child in _children(node)]
            open_nodes.discard(node)
            values, levels = 1 + sum(n for n, _ in parts), 1 + max((n for _, n in parts), default=0)
            if values > MOST_VALUES:
                raise _Problem(f"more than {MOST_VALUES:,} values", node)
            if levels > DEEPEST:
                raise _Problem(f"nested more than {DEEPEST} levels deep", node)
            known[node] = values, levels
        return known[node]

    measure(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        return []
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Problem("a key must be a word or a number", key)
        if key.tag != _MERGE and key.value in seen:
            raise _Problem(f"the key {_shortened(key.value)} is there twice", key)
        seen.add(key.value)
    return [part for pair in node.value for part in pair]


def _is_text(value: str) -> bool:
    """Whether all characters can be written and shown: no surrogates and no control characters."""
    return all(
        c in "\t\n\r" or (c >= " " and not "\x7f" <= c <= "\x9f") for c in value
    ) and not any("\ud800" <= c <= "\udfff" for c in value)


def _shortened(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[0]}"

"""What the upsamplers are, read from their files without importing torch."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

_GIVEN = ("self", "channels", "n_convs", "levels", "crop")
"""What every upsampler is built with."""


@dataclass(frozen=True)
class Outline:
    """An upsampler as its source describes it.

    Attributes:
        name: registered.
        summary: the first line of its docstring.
        options: ``name`` or ``name=default``, as written.
    """

    name: str
    summary: str
    options: tuple[str, ...]


def list_outlines() -> list[Outline]:
    """Of all upsamplers in ``variants/upsamplers/``, by name.

    Options are those of a class's own ``__init__``; one that inherits it shows none.
    """
    folder = Path(next(iter(import_module("variants.upsamplers").__path__)))
    names = [module.name for module in iter_modules([str(folder)])]
    found = [one for name in names for one in _in_file(folder / f"{name}.py")]
    return sorted(found, key=lambda one: one.name)


def _in_file(path: Path) -> Iterator[Outline]:
    if not path.is_file():
        return  # A package: its classes are elsewhere.
    for node in ast.parse(path.read_text("utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(
                    func=ast.Name(id="register_upsampler"), args=[ast.Constant(value=str(name))]
                ):
                    summary = (ast.get_docstring(node) or "").partition("\n")[0]
                    yield Outline(name, summary, tuple(_options(node)))


def _options(node: ast.ClassDef) -> Iterator[str]:
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            given = function.args
            plain = [*given.posonlyargs, *given.args]
            without = [None] * (len(plain) - len(given.defaults))
            defaults = [*without, *given.defaults, *given.kw_defaults]
            for argument, default in zip([*plain, *given.kwonlyargs], defaults, strict=True):
                if argument.arg not in _GIVEN:
                    value = "" if default is None else f"={ast.unparse(default)}"
                    yield argument.arg + value

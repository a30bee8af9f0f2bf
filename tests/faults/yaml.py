"""Configurations of a run: values that do not belong, and damaged text."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.faults.base import HOSTILE_VALUES, Case, Rng, mutated, places, replaced, took

GOOD: dict[str, Any] = {
    "variants": ["bicubic"],
    "scales": [4],
    "datasets": ["embedded"],
    "dataset_folders": {"mine": "photos"},
    "data_root": "data",
    "only": ["cost"],
    "limit": 1,
    "device": "cpu",
    "protocols": ["matlab_y"],
    "weights": ["ms-lapsrn@4=x.pth"],
    "dtypes": ["fp32"],
    "backends": ["eager"],
    "save_images": False,
    "pictures": ["all"],
    "train": "none",
    "recipe": "fast",
    "workers": 1,
    "cost": {"hr_height": 720, "hr_width": 1280},
    "latency": {"cpu_hr_height": 256, "lr_sizes": ["64x64"], "batch": [1], "max_s": 1.0},
    "baseline": "ms-lapsrn",
}
NEEDED = {key: GOOD[key] for key in ("variants", "scales", "datasets", "only", "device")}
SNIPPETS = (
    "!!python/object/apply:os.system ['echo']",
    "!!int abc",
    "!!bool maybe",
    "!!timestamp x",
    "!!float x",
    "!!binary '!'",
    "!!omap 3",
    "!!set 3",
    "!unknown x",
    "2026-01-01",
    "2026-13-45",
    "2026-01-01T99:99:99Z",
    "1:60:99",
    "0x" + "f" * 5000,
    "9" * 5000,
    "1e999",
    ".nan",
    ".inf",
    "[" * 400 + "]" * 400,
    "{a: " * 300 + "1" + "}" * 300,
    "*nothing",
    "&a [*a]",
    "&a {b: *a}",
    "<<: 3",
    "? [a, b] : c",
    "{[a]: b}",
    "'\\ud800'",
    '"\\ud800"',
    '"\\0"',
    "\t- x",
    "%YAML 9.9",
    "--- a\n--- b",
    "...",
    "|\n  text",
    "@x",
    "`x`",
    "x" * 20_000,
)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


def cases(seed: int, n: int, good: dict[str, Any] = GOOD, run: Any = None) -> Iterator[Case]:
    """``n`` configurations, each planned and never measured."""
    rng = Rng(f"yaml {seed}")
    for _ in range(n):
        name, content = text(rng, good, NEEDED if good is GOOD else good)
        yield Case(name, run(content) if run else _planned(content))


def _planned(content: bytes) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        path = folder / "run.yaml"
        path.write_bytes(content)
        return took("run", "--config", path, "--dry-run", "--results", folder / "results")

    return run


def text(rng: Rng, good: dict[str, Any], needed: dict[str, Any]) -> tuple[str, bytes]:
    """A configuration with something wrong, and what."""
    kind = rng.choice(
        ("value", "value", "value", "snippet", "snippet", "bytes", "encoding", "bomb")
    )
    place = rng.choice(places(good))
    chosen = {**needed, place[0]: good[place[0]]}
    if kind == "value":
        value = rng.choice((*HOSTILE_VALUES, ...))
        changed = replaced(chosen, place, value)
        return f"{'.'.join(map(str, place))} = {ascii(value)[:60]}", _dumped(changed)
    if kind == "snippet":
        snippet = rng.choice(SNIPPETS)
        lines = [f"{key}: {_flow(value)}" for key, value in chosen.items() if key != place[0]]
        lines.insert(rng.randrange(len(lines) + 1), f"{place[0]}: {snippet}")
        return f"{place[0]}: {snippet[:60]}", "\n".join(lines).encode("utf-8", "surrogatepass")
    plain = _dumped(chosen)
    if kind == "bytes":
        how, damaged = mutated(rng, plain)
        return how, damaged
    if kind == "encoding":
        encoding = rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"))
        return encoding, plain.decode().encode(encoding)
    return "alias bomb", plain + BOMB.encode()


def _dumped(value: Any) -> bytes:
    return str(yaml.safe_dump(value, allow_unicode=False)).encode("utf-8", "surrogatepass")


def _flow(value: Any) -> str:
    """On one line."""
    return json.dumps(value)

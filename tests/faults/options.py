"""Command lines: impossible values, paths that lead nowhere, options that do not go together."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from PIL import Image

from harness.cli import cli
from tests.faults.base import HOSTILE_TEXTS, Case, Rng, took

# No case may name a file outside its folder, lest a sound one writes there.
COMMANDS = cli.list_commands(click.Context(cli))
VALUES = (
    *(text for text in HOSTILE_TEXTS if not text.startswith("/")),
    "0",
    "-1",
    "4",
    "4x",
    "3",
    "1e3",
    "9" * 400,
    "nan",
    "1\u00b22",
    "\u0664",
    "all",
    "bicubic",
    "ms-lapsrn",
    "MS-LAPSRN",
    "bicubic,bicubic",
    ",",
    ",,4,",
    "Set5",
    "embedded",
    "a=b",
    "=",
    "a=",
    "=b",
    "ms-lapsrn@3=x",
    "ms-lapsrn@4=PHOTO",
    "lapsrn=LOOP",
    "x=FOLDER",
    "embedded=FOLDER",
    "x=FIFO",
    "fp16",
    "0x0",
    "64x64",
    "64x",
    "99999999999x1",
    "psnr_y<",
    "psnr_y<-0.02",
    "psnr_y<nan",
    "params>1e999",
    "--",
    "-",
    "@x",
    "LOOP",
    "DANGLING",
    "FIFO",
    "SOCKET",
    "FOLDER",
    "PHOTO",
    "TEXT",
    "EMPTY",
    "SECRET",
    "PHOTO/below",
    "y" * 5000,
)
RUN = (
    "--variants",
    "--scales",
    "--datasets",
    "--dataset",
    "--data-root",
    "--only",
    "--limit",
    "--device",
    "--dtype",
    "--backend",
    "--batch",
    "--lr-size",
    "--threads",
    "--memory-format",
    "--protocol",
    "--weights",
    "--pictures",
    "--recipe",
    "--workers",
    "--baseline",
    "--results",
    "--report",
    "--config",
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "run": RUN,
    "list": ("--data-root",),
    "report": ("--out", "--baseline", ""),
    "compare": ("--fail-if", "", ""),
    "import-weights": ("--variant", "--scale", "--out", ""),
    "data check": ("--data-root", ""),
    "data fetch": ("--data-root", "--workers", "--base-url", ""),
    "data shrink": ("--scale", "--out", "--protocol", "--data-root", ""),
    "upscale": ("--variant", "--scale", "--out", "--weights", "--format", "--dtype", "--tile", ""),
    "score": ("--dataset", "--scale", "--name", "--lr", "--protocol", "--results", ""),
    "show": ("--scale", "--results", ""),
    "train": ("--recipe", "--init", "--scale", "--seed", "--steps", "--data-root"),
    "ship": ("--into", ""),
}
GIVEN: dict[str, list[str]] = {
    # What keeps a case that happens to be sound from measuring, training or fetching for long.
    "run": ["--dry-run", "--variants=bicubic", "--scales=4", "--datasets=embedded", "--only=cost"],
    "data check": ["--no-baseline"],
    "data fetch": ["--base-url=http://127.0.0.1:9", "--data-root=new"],
    "data shrink": ["--scale=4", "--out=new"],
    "upscale": ["--variant=bicubic", "--scale=2", "--out=new.png"],
    "score": ["--dataset=x=FOLDER", "--scale=4", "--results=new"],
    "import-weights": ["--variant=ms-lapsrn", "--out=new.safetensors"],
    "train": ["--variant=nothing"],
    "ship": ["--into=new"],
}


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` command lines, none of which does much where it is sound."""
    rng = Rng(f"options {seed}")
    for _ in range(n):
        words = rng.choice([*OPTIONS] * 3 + [*COMMANDS, ""])
        line = [*words.split(), *GIVEN.get(words, ["--help"] if words not in OPTIONS else [])]
        for _ in range(rng.randint(1, 3)):
            option = rng.choice(OPTIONS.get(words, ("--", "-x", "")))
            value = rng.choice(VALUES)
            line += [option, value] if option and rng.random() < 0.5 else [option + "=" + value]
            if not option:
                line[-1] = value
        yield Case(ascii(" ".join(line))[1:160], _run(line))


def _run(line: list[str]) -> Callable[[Path], bool]:
    def run(folder: Path) -> bool:
        found = things(folder)
        arguments = []
        for word in line:
            # No program can be given a NUL, or what is no bytes.
            plain = word.replace("\0", "").replace("\ud800", "")
            for name, path in found.items():
                if plain == name or plain.endswith(("=" + name, "/" + name)) or name + "/" in plain:
                    plain = plain.replace(name, str(path))
            arguments.append(plain)
        for i, word in enumerate(arguments):
            if word.startswith(("--out=new", "--results=new", "--data-root=new")):
                arguments[i] = word.replace("=new", f"={folder}/new")
        return took(*arguments)

    return run


def things(folder: Path) -> dict[str, Path]:
    """Files, folders and what only looks like them, by name."""
    found = {
        name: folder / name.lower()
        for name in ("LOOP", "DANGLING", "FIFO", "SOCKET", "FOLDER", "TEXT", "EMPTY", "SECRET")
    }
    found["LOOP"].symlink_to(found["LOOP"])
    found["DANGLING"].symlink_to(folder / "nowhere")
    os.mkfifo(found["FIFO"])
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(found["SOCKET"]))
    found["FOLDER"].mkdir()
    found["PHOTO"] = folder / "photo.png"
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)).save(found["PHOTO"])
    Image.open(found["PHOTO"]).save(found["FOLDER"] / "a.png")
    found["TEXT"].write_text("hello\n")
    found["EMPTY"].touch()
    found["SECRET"].mkdir(mode=0o000)
    return found

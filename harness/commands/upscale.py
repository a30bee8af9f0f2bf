"""Upscale images with a variant.

IMAGE goes to the file OUT, or every image of FOLDER into the folder OUT.

Colour goes through YCbCr: the network enlarges luma, bicubic interpolation the rest. Alpha,
16 bits per sample, EXIF, colour profile, resolution and gamma are kept where the format can;
a note tells what was not. Floating-point TIFF is of [0, 1], and stays so in TIFF. Large images
are processed in tiles that overlap by what the network sees, so no seam shows, and written as
their rows come: 2 GB of memory are enough for 50 megapixels at 8x, in PNG or TIFF. JPEG, WebP and
BMP are held in memory until they are whole.
Failures are reported, and the other images of a folder go on.
"""

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.backends import AUTO, DEFAULT_BACKEND, DTYPES, list_backends, slowness
from harness.commands._command import Command
from harness.commands._options import catalog_option, scale_option
from harness.system.text import plural, printable, say

if TYPE_CHECKING:
    from harness.networks.ways import Wanted
    from harness.upscale.engine import Upscaler
    from harness.upscale.files import Pair
    from harness.upscale.windows import Reach
    from variants.catalog import Variant

EXIT_FAILED = 1
WORTH_MEASURING = 40_000_000
"""HR pixels of all pictures from which on it pays to measure backends: that takes about as long as
5 million, with AVX2 up to 20 million. A photo of 12 megapixels has 48 million at 2x."""
FORMATS = ["png", "tif", "webp", "jpg", "bmp"]


@click.command(
    cls=Command,
    help=__doc__,
    failure="an image of a folder failed; the others are written",
    examples=("upscale photo.jpg --variant cms-lapsrn-conv3 --scale 4 -o photo_x4.png",),
)
@catalog_option
@click.argument("source", type=click.Path(path_type=Path), metavar="IMAGE|FOLDER")
@click.option("--variant", required=True, help="Of `harness list`, such as bicubic.")
@scale_option("Times the width and the height.", default="4", show_default=True)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="File, or folder, to write.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Weights of your own (.safetensors, .pth, .mat)  [default: those that ship]",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Of files in a folder.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network runs.",
)
@click.option(
    "--dtype",
    type=click.Choice(list(DTYPES)),
    help=f"Of the network's feature branch  [default: fp32; with --backend {AUTO} also bf16, where "
    "that is faster and loses at most 0.001 dB]",
)
@click.option(
    "--backend",
    type=click.Choice([*list_backends(), AUTO]),
    help=f"What executes the network; {AUTO} measures once, for large pictures, which is the "
    f"fastest here  [default: {AUTO}]",
)
@click.option(
    "--tile",
    type=click.IntRange(8),
    help="Pixels on a side of a tile; smaller needs less memory  [default: by scale and dtype]",
)
def command(
    source: Path,
    variant: str,
    scale: str,
    out: Path,
    weights: Path | None,
    format_: str | None,
    device: str,
    dtype: str | None,
    backend: str | None,
    tile: int | None,
) -> int:
    from harness.data.layouts import files_in
    from harness.errors import HarnessError
    from harness.upscale.files import pair_files

    pairs = pair_files(source, out, f".{format_}" if format_ else None)
    for name, reason in files_in(source).left_out if source.is_dir() else ():
        say(f"Note: {printable(name)} is left out: {reason}", err=True)
    sources = [pair.source for pair in pairs]
    upscaler = _upscaler(variant, int(scale), weights, device, dtype, backend, tile, sources)
    failed = 0
    for pair in pairs:
        try:
            _upscale(pair, upscaler)
        except HarnessError as error:
            if len(pairs) == 1:
                raise
            say(printable(f"Failed: {error}"), err=True)
            failed += 1
    if source.is_dir():
        _pass_on_note(source, out, int(scale))
    if failed:
        say(f"{failed} of {len(pairs)} images failed", err=True)
    return EXIT_FAILED if failed else 0


def _pass_on_note(source: Path, out: Path, scale: int) -> None:
    """What LR images of `harness data shrink` were, so that `harness score` knows it."""
    from harness.data.shrink import NOTE, LrNote
    from harness.errors import DataError, ResultsError
    from harness.system.files import write_json

    try:
        note = LrNote.read(source)
    except DataError:  # Somebody's file of that name.
        return
    if note is not None and note.scale == scale:
        try:
            write_json(out / NOTE, note.stored())
        except OSError as error:
            raise ResultsError(f"cannot write {out / NOTE}: {error.strerror or error}") from error


def _upscaler(
    name: str,
    scale: int,
    weights: Path | None,
    device: str,
    dtype: str | None,
    backend: str | None,
    tile: int | None,
    sources: list[Path],
) -> "Upscaler":
    from harness.errors import ConfigError
    from harness.system.environment import cuda_available
    from variants import create_model, get_variant

    variant = get_variant(name)
    if variant.brings_weights:
        raise ConfigError(f"{name} is from outside; upscale takes the networks of the catalogs")
    if weights is not None and not variant.has_network:
        raise ConfigError(f"{name} has no network, so --weights cannot apply")
    usual = dtype in (None, "fp32") and backend in (None, DEFAULT_BACKEND)
    if not usual and not variant.has_network:
        raise ConfigError(f"{name} has no network, so --dtype and --backend cannot apply")
    if device == "cuda" and not cuda_available():
        raise ConfigError("--device cuda: torch finds no CUDA device here; use cpu or auto")
    model = create_model(name, scale, pretrained=weights or True)
    if device == "auto":
        device = "cuda" if cuda_available() else "cpu"

    from harness.upscale.engine import Upscaler
    from harness.upscale.luma import luma_of
    from harness.upscale.windows import reach_of

    if dtype and (note := slowness([DTYPES[dtype]], device)):
        say(f"Note: {note}.", err=True)
    recorded = None if dtype is None else DTYPES[dtype]
    reach = reach_of(model) if variant.has_network else None
    if backend is None or backend == AUTO:
        wanted = _wanted(variant, scale, weights, device, recorded)
        chosen = _fastest(wanted, reach, sources, asked=backend == AUTO)
    else:
        chosen = backend, recorded or "float32"
    return Upscaler(luma_of(model, device, *chosen, reach), tile)


def _wanted(
    variant: "Variant", scale: int, weights: Path | None, device: str, dtype: str | None
) -> "Wanted":
    import torch

    from harness.networks.fastest import numbers_of_threads
    from harness.networks.ways import Wanted
    from harness.system.environment import device_name

    others = () if dtype or slowness(["bfloat16"], device) else ("bfloat16",)
    threads = torch.get_num_threads()
    choice = numbers_of_threads() if device == "cpu" else ()
    return Wanted(
        *(variant, scale, dtype or "float32", device, device_name(device), threads),
        weights=weights or True,
        rewritten=True,
        also=others,
        other_threads=tuple(number for number in choice if number != threads),
    )


def _fastest(
    wanted: "Wanted", reach: "Reach | None", sources: list[Path], asked: bool
) -> tuple[str, str]:
    """What ``AUTO`` is, for some pictures; unless asked for, only what is not usual is told."""
    from harness.images.decode import image_size
    from harness.networks.fastest import fastest_way
    from harness.upscale.windows import windows_of

    hr_pixels = 0
    for source in sources:
        with suppress(Exception):  # It will be told when its turn comes.
            height, width = image_size(source)
            hr_pixels += wanted.scale**2 * height * width
    worth_it = hr_pixels >= WORTH_MEASURING

    def work(backend: str, dtype: str) -> float:
        """Backends that compile compute whole windows, with wide margins at every level."""
        return 1.0 if reach is None else windows_of(reach, backend, dtype).work()

    backend, dtype, known = fastest_way(wanted, work=work, measure=worth_it)
    what = f"Note: --backend {AUTO} is {backend} in {dtype} here"
    if known is None:
        why = "without a choice" if worth_it else "for so few pixels, and nothing is measured yet"
        if asked:
            say(f"{what} {why}.", err=True)
        return backend, dtype
    if (threads := known.fastest_threads()) != wanted.threads:
        import torch

        torch.set_num_threads(threads)
        with_threads = f"with {plural(threads, 'thread')}"
        say(f"Note: {with_threads} it is faster here than with {wanted.threads}.", err=True)
    if (backend, dtype) != (DEFAULT_BACKEND, wanted.dtype):
        faster = known.speedup(backend, dtype) / work(backend, dtype)
        faster *= work(DEFAULT_BACKEND, wanted.dtype)
        say(f"{what}, {faster:.2f}x {known.reference}.", err=True)
    elif asked:
        say(f"{what}.", err=True)
    return backend, dtype


def _upscale(pair: "Pair", upscaler: "Upscaler") -> None:
    from tqdm import tqdm

    from harness.upscale.files import upscale_file

    started = time.perf_counter()
    name = printable(pair.source.name)
    with tqdm(desc=name, unit="tile", leave=False, disable=not sys.stderr.isatty()) as bar:
        canvas = upscale_file(pair, upscaler, bar.reset, bar.update)
    size = f"{canvas.width}x{canvas.height}"
    say(f"{printable(pair.target)}: {size} pixels, {time.perf_counter() - started:.1f} s")
    for note in canvas.notes:
        say(f"Note: {name}: {printable(note)}", err=True)

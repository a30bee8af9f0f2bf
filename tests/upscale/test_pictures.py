"""Metadata survive: alpha, depth, orientation, profile, in every format."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from harness.errors import DataError
from harness.images.decode import decode, write_image
from harness.images.imresize import imresize
from harness.upscale.canvas import Canvas
from harness.upscale.engine import Upscaler
from harness.upscale.files import Pair, pair_files, upscale_file
from harness.upscale.luma import BicubicLuma
from harness.upscale.picture import ORIENTATION, Picture, read_picture

RNG = np.random.default_rng(5)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = ("png", "tif", "webp")


def smooth(*shape: int) -> np.ndarray:
    """Random but smooth: bicubic interpolation stays inside the range, and JPEG close."""
    small = RNG.integers(60, 200, (*[-(-n // 4) for n in shape[:2]], *shape[2:])) / 1.0
    return np.rint(imresize(small, 4)[: shape[0], : shape[1]]).astype(np.uint8)


def upscale(source: Path, target: Path, scale: int = 2) -> Canvas:
    return upscale_file(Pair(source, target), Upscaler(BicubicLuma(scale), tile=8))


def expected(pixels: np.ndarray, scale: int = 2) -> np.ndarray:
    full = np.iinfo(pixels.dtype).max
    return np.floor(np.clip(imresize(pixels / full, scale), 0, 1) * full + 0.5)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_modes_survive_lossless_formats(tmp_path: Path, mode: str, suffix: str) -> None:
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    pixels = smooth(12, 17, channels)
    Image.fromarray(pixels[..., 0] if mode == "L" else pixels).save(tmp_path / "a.png")
    canvas = upscale(tmp_path / "a.png", tmp_path / f"b.{suffix}")
    assert not canvas.notes
    with Image.open(tmp_path / f"b.{suffix}") as image:
        assert image.size == (34, 24)
        # WebP knows no grey.
        assert image.mode == (mode if suffix != "webp" else mode.replace("L", "RGB"))
        found = np.asarray(image.convert(mode)).reshape(24, 34, channels)
    assert np.abs(found - expected(pixels)).max() <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", f"b.{suffix}"]


def test_jpeg_is_close(tmp_path: Path) -> None:
    pixels = smooth(40, 40, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    upscale(tmp_path / "a.png", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert np.abs(np.asarray(image) - expected(pixels)).mean() < 3


@pytest.mark.parametrize("suffix", ["jpg", "bmp"])
def test_transparency_needs_a_place(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(smooth(8, 8, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=rf"no place; choose \.png.*|\.{suffix} has no place"):
        upscale(tmp_path / "a.png", tmp_path / f"b.{suffix}")


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("1", 1), ("CMYK", 3)])
def test_other_modes_become_ours(tmp_path: Path, mode: str, channels: int) -> None:
    image = Image.fromarray(smooth(9, 9, 3)).convert(mode)
    image.save(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.shape == (9, 9, channels)
    assert picture.pixels.dtype == np.uint8


def test_a_transparent_palette_keeps_its_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(RNG.integers(0, 4, (6, 7), dtype=np.uint8), "L")
    image.putpalette([10, 10, 10, 80, 0, 0, 0, 90, 0, 0, 0, 99])
    image.save(tmp_path / "a.png", transparency=2)
    picture = read_picture(tmp_path / "a.png")
    assert picture.has_alpha
    index = np.asarray(image)
    np.testing.assert_array_equal(picture.pixels[..., 3], np.where(index == 2, 0, 255))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_depth(tmp_path: Path, suffix: str) -> None:
    pixels = smooth(11, 8).astype(np.uint16) * 200 + 7
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}")
    assert not upscale(tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}").notes
    with Image.open(tmp_path / f"b.{suffix}") as image:
        assert image.mode == "I;16"
        assert np.abs(np.asarray(image).astype(int) - expected(pixels)).max() <= 1


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_keeps_its_depth_in_tiff(tmp_path: Path, channels: int) -> None:
    pixels = smooth(11, 8, channels).astype(np.uint16) * 200 + 7
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels,
        photometric="rgb",
        iccprofile=PROFILE,
        extrasamples=["unassalpha"] if channels == 4 else None,
        extratags=[(ORIENTATION, "H", 1, 6, True)],
    )
    assert not upscale(tmp_path / "a.tif", tmp_path / "b.tif").notes
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        page = tiff.pages.first
        found = page.asarray()
        assert found.dtype == np.uint16
        assert np.abs(found.astype(int) - expected(pixels)).max() <= 1
        assert page.tags[34675].value == PROFILE
        assert page.tags[ORIENTATION].value == 6


def test_16_bit_colour_elsewhere_is_rounded_and_said(tmp_path: Path) -> None:
    pixels = smooth(11, 8, 3).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    canvas = upscale(tmp_path / "a.tif", tmp_path / "b.webp")
    assert canvas.notes == ["16-bit samples were rounded to 8 bits; .tif would keep them"]
    with Image.open(tmp_path / "b.webp") as image:
        assert np.abs(np.asarray(image) - expected(pixels) / 257).max() <= 1


def test_16_bit_colour_in_png_keeps_its_depth(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes(range(18)) for _ in range(4))
    header = struct.pack(">IIBBBBB", 3, 4, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    picture = read_picture(tmp_path / "a.png")
    assert picture.pixels.shape == (4, 3, 3)
    assert picture.pixels.dtype == np.uint16
    assert picture.notes == ()


@pytest.mark.parametrize("target", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("source", ["png", "tif", "webp", "jpg"])
def test_orientation_and_profile_are_kept(tmp_path: Path, source: str, target: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    pixels = smooth(12, 20, 3)
    surroundings: dict[str, Any] = {"exif": exif, "icc_profile": PROFILE}
    options: dict[str, Any] = {"lossless": True} if source == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"a.{source}", **surroundings, **options)
    assert not upscale(tmp_path / f"a.{source}", tmp_path / f"b.{target}").notes
    with Image.open(tmp_path / f"b.{target}") as image:
        assert image.info["icc_profile"] == PROFILE
        seen = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    assert seen.shape == (40, 24, 3)
    if "jpg" not in (source, target):
        assert np.abs(seen - np.rot90(expected(pixels), -1)).max() <= 1
    # Pillow turns the pixels of a TIFF as it decodes them; elsewhere the tag stays.
    if "tif" not in (source, target):
        with Image.open(tmp_path / f"b.{target}") as image:
            assert image.size == (40, 24)
            assert image.getexif()[ORIENTATION] == 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_bmp_has_no_orientation_so_pixels_are_turned(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.fromarray(smooth(12, 20, 3))
    image.save(tmp_path / "a.png", exif=exif, icc_profile=PROFILE)
    canvas = upscale(tmp_path / "a.png", tmp_path / "b.bmp")
    upscale(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.bmp") as turned, Image.open(tmp_path / "b.png") as stored:
        seen = np.asarray(ImageOps.exif_transpose(stored))
        np.testing.assert_array_equal(np.asarray(turned), seen)
    assert canvas.notes == ["the colour profile was dropped: .bmp has no place for it"]


def test_exif_tells_the_new_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8769).update({0xA002: 20, 0xA003: 12, 0x9003: "2020:01:01 00:00:00"})
    Image.fromarray(smooth(12, 20, 3)).save(tmp_path / "a.jpg", exif=exif)
    upscale(tmp_path / "a.jpg", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        found = image.getexif()
        assert found[0x010F] == "A camera"
        details = found.get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (40, 24)
    assert details[0x9003] == "2020:01:01 00:00:00"


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "A camera"
    exif.get_ifd(0x8769).update({0xA002: 20, 0x927C: b"maker" * 5})
    return exif


def test_a_camera_file_goes_into_tiff(tmp_path: Path) -> None:
    pixels = smooth(12, 20, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=camera_exif())
    canvas = upscale(tmp_path / "a.png", tmp_path / "b.tif")
    assert canvas.notes == ["of its EXIF data, TIFF keeps the orientation here"]
    with Image.open(tmp_path / "b.tif") as image:
        seen = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    assert np.abs(seen - np.rot90(expected(pixels), -1)).max() <= 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", ["png", "jpg", "webp", "tif", "bmp"])
def test_damaged_exif_does_not_keep_a_picture_back(tmp_path: Path, target: str) -> None:
    intact = camera_exif().tobytes()
    for _ in range(60):
        damaged = bytearray(intact)
        for place in RNG.integers(6, len(intact), 4):
            damaged[place] = RNG.integers(0, 256)
        Image.fromarray(smooth(8, 8, 3)).save(tmp_path / "a.jpg", exif=bytes(damaged))
        upscale(tmp_path / "a.jpg", tmp_path / f"b.{target}")
        with Image.open(tmp_path / f"b.{target}") as image:
            assert image.size == (16, 16)


def test_a_cmyk_profile_is_dropped_and_said(tmp_path: Path) -> None:
    Image.fromarray(smooth(8, 8, 3)).convert("CMYK").save(tmp_path / "a.jpg", icc_profile=PROFILE)
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.icc is None
    assert "CMYK" in picture.notes[0]


@pytest.mark.parametrize(("suffix", "side"), [("webp", 16_400), ("jpg", 66_000)])
def test_a_format_too_small_is_named_before_the_work(
    tmp_path: Path, suffix: str, side: int
) -> None:
    picture = Picture(np.zeros((1, side // 2, 3), np.uint8))
    with pytest.raises(DataError, match=rf"do not fit into \.{suffix}"):
        Canvas(picture, 2, tmp_path / f"b.{suffix}")


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown image format '\.gif'"):
        Canvas(Picture(np.zeros((2, 2, 3), np.uint8)), 2, tmp_path / "b.gif")


def test_a_bmp_that_cannot_hold_its_own_size_is_named_before_the_work(tmp_path: Path) -> None:
    picture = Picture(np.broadcast_to(np.zeros(3, np.uint8), (20_000, 20_000, 3)))
    with pytest.raises(DataError, match=r"do not fit into \.bmp, which ends at 4 GB"):
        Canvas(picture, 2, tmp_path / "b.bmp")


def test_a_file_that_cannot_be_written_is_named_before_the_work(tmp_path: Path) -> None:
    canvas = Canvas(Picture(np.zeros((2, 2, 3), np.uint8)), 2, tmp_path / "none" / "b.png")
    with pytest.raises(FileNotFoundError):
        canvas.write(pytest.fail("worked for nothing") for _ in range(1))


def put(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def test_one_image_to_a_file_or_into_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    source = tmp_path / "a.jpg"
    assert pair_files(source, tmp_path / "b.jpg")[0].target == tmp_path / "b.jpg"
    assert pair_files(source, tmp_path / "b.JPEG", ".jpg")[0].target == tmp_path / "b.JPEG"
    with pytest.raises(DataError, match=r"ends in \.jpg, and --format says \.webp"):
        pair_files(source, tmp_path / "b.jpg", ".webp")
    assert pair_files(source, tmp_path / "out")[0].target == tmp_path / "out" / "a.png"
    assert pair_files(source, tmp_path)[0].target == tmp_path / "a.png"
    assert pair_files(source, tmp_path / "o", ".webp")[0].target == tmp_path / "o" / "a.webp"


def test_a_folder_goes_into_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.jpg", "B.TIF", "c.png", "notes.txt")
    pairs = pair_files(tmp_path / "in", tmp_path / "out")
    assert [pair.target.name for pair in pairs] == ["a.png", "B.tif", "c.png"]
    assert {pair.target.parent for pair in pairs} == {tmp_path / "out"}


def test_nothing_is_overwritten_by_accident(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.png")
    with pytest.raises(DataError, match="overwritten by its own"):
        pair_files(tmp_path / "in", tmp_path / "in")
    with pytest.raises(DataError, match="overwritten by its own"):
        pair_files(tmp_path / "in" / "a.png", tmp_path / "in" / ".." / "in" / "a.png")
    put(tmp_path / "in", "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg and a\.png would both be written"):
        pair_files(tmp_path / "in", tmp_path / "out")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image or folder at"):
        pair_files(tmp_path / "x.png", tmp_path / "out")
    put(tmp_path / "empty")
    with pytest.raises(DataError, match="no images in"):
        pair_files(tmp_path / "empty", tmp_path / "out")
    put(tmp_path / "in", "a.png")
    put(tmp_path, "file")
    with pytest.raises(DataError, match="must be one too"):
        pair_files(tmp_path / "in", tmp_path / "file")


@pytest.mark.parametrize(
    ("suffix", "dtype", "n_notes"), [(".tif", "float32", 0), (".png", "uint8", 1)]
)
def test_floating_point_samples_stay_in_tiff_and_are_8_bits_elsewhere(
    tmp_path: Path, suffix: str, dtype: str, n_notes: int
) -> None:
    write_image(tmp_path / "lr.tif", np.full((6, 5, 3), 0.4, np.float32))
    pair = Pair(tmp_path / "lr.tif", tmp_path / f"sr{suffix}")
    notes = upscale_file(pair, Upscaler(BicubicLuma(2))).notes
    assert [("floating-point samples were rounded" in note) for note in notes] == [True] * n_notes
    pixels = decode(pair.target).pixels
    assert (pixels.shape, pixels.dtype.name) == ((12, 10, 3), dtype)
    np.testing.assert_allclose(pixels, 0.4 if dtype == "float32" else 102, atol=1e-6)

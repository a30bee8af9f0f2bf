"""Decoding every format and mode that datasets come in, and refusing what cannot be decoded."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from harness.errors import DataError
from harness.images.decode import SUFFIXES, decode, read_image, write_image

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (13, 17), dtype=np.uint8)
RGB = RNG.integers(0, 256, (13, 17, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (13, 17, 1), dtype=np.uint8)
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".webp")


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("upper", [False, True])
def test_rgb_survives_lossless_formats(tmp_path: Path, suffix: str, upper: bool) -> None:
    path = tmp_path / f"x{suffix.upper() if upper else suffix}"
    write_image(path, RGB)
    read = read_image(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, RGB)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey_stays_grey(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"x{suffix}", GREY)
    np.testing.assert_array_equal(read_image(tmp_path / f"x{suffix}"), GREY)


def test_webp_has_no_grey(tmp_path: Path) -> None:
    write_image(tmp_path / "x.webp", GREY)
    np.testing.assert_array_equal(read_image(tmp_path / "x.webp"), np.dstack([GREY] * 3))


@pytest.mark.parametrize(("pixels", "shape"), [(RGB, (13, 17, 3)), (GREY, (13, 17))])
def test_jpeg_is_close(tmp_path: Path, pixels: np.ndarray, shape: tuple[int, ...]) -> None:
    smooth = np.full_like(pixels, 90)
    write_image(tmp_path / "x.jpg", smooth)
    read = read_image(tmp_path / "x.jpg")
    assert read.shape == shape
    assert np.abs(read.astype(int) - 90).max() <= 1


def test_alpha_is_dropped(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([RGB, ALPHA])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, ALPHA])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png"), RGB)
    np.testing.assert_array_equal(read_image(tmp_path / "la.png"), GREY)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_palette_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    palette = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
    image = Image.fromarray(GREY, "L")
    image.putpalette(palette.tobytes())
    image.save(tmp_path / f"p{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"p{suffix}"), palette[GREY])


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_one_bit_becomes_black_and_white(tmp_path: Path, suffix: str) -> None:
    bits = GREY > 127
    Image.fromarray(bits).save(tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"b{suffix}"), bits * np.uint8(255))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).convert("CMYK")
    image.save(tmp_path / "c.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "c.tif"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_rounded(tmp_path: Path, suffix: str) -> None:
    # 128 is the last 16-bit sample that is nearer to 0 than to 257.
    samples = np.array([[0, 128, 129, 257, 65406, 65407, 65535]], dtype=np.uint16)
    Image.fromarray(samples).save(tmp_path / f"g{suffix}")
    np.testing.assert_array_equal(
        read_image(tmp_path / f"g{suffix}"), [[0, 0, 1, 1, 254, 255, 255]]
    )


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_rgb_tiff_is_rounded(tmp_path: Path, channels: int, planar: str) -> None:
    samples = RNG.integers(0, 65536, (5, 6, channels), dtype=np.uint16)
    stored = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
    tifffile.imwrite(
        tmp_path / "x.tif", stored, photometric="rgb", planarconfig=planar, compression="zlib"
    )
    np.testing.assert_array_equal(decode(tmp_path / "x.tif").pixels, samples)
    expected = np.floor(samples[..., :3] / 257 + 0.5)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), expected)


def test_16_bit_rgb_png_is_read_as_8(tmp_path: Path) -> None:
    samples = RNG.integers(0, 65536, (3, 4, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    (tmp_path / "x.png").write_bytes(png(4, 3, 16, 2, rows))
    read = read_image(tmp_path / "x.png")
    assert np.abs(read - samples / 257).max() <= 1


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_floating_point_samples_are_of_0_to_1(tmp_path: Path, shape: tuple[int, ...]) -> None:
    levels = RNG.integers(0, 256, shape, dtype=np.uint8)
    samples = (levels / 255).astype(np.float32)
    samples[0, 0], samples[0, 1] = -0.1, 1.1  # What interpolation overshoots is clipped.
    levels[0, 0], levels[0, 1] = 0, 255
    write_image(tmp_path / "f.tif", samples)
    np.testing.assert_array_equal(read_image(tmp_path / "f.tif"), levels)
    stored = decode(tmp_path / "f.tif").pixels
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored.reshape(shape), samples)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "f.tif"), samples)


@pytest.mark.parametrize("value", [255.0, -1.0, float("nan")])
def test_floating_point_samples_of_another_range_are_refused(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.full((4, 4), value, np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match=r"floating-point samples from .*; those of \[0, 1\] are"):
        read_image(tmp_path / "f.tif")


def test_floating_point_alpha_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "f.tif", RNG.random((4, 5, 4)).astype(np.float32),
                     photometric="rgb", extrasamples=["unassalpha"])  # fmt: skip
    with pytest.raises(DataError, match="neither grey nor RGB alone"):
        read_image(tmp_path / "f.tif")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, keep: float) -> None:
    path = tmp_path / f"x{suffix}"
    write_image(path, RNG.integers(0, 256, (120, 90, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) if keep == 0.5 else int(keep)])
    with pytest.raises(DataError, match=r"cannot decode .*x\."):
        read_image(path)


def test_a_truncated_16_bit_tiff_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    samples = RNG.integers(0, 65536, (50, 60, 3), dtype=np.uint16)
    tifffile.imwrite(path, samples, photometric="rgb")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="cannot decode"):
        read_image(path)


def test_flipped_bits_in_a_png_are_noticed(tmp_path: Path) -> None:
    """Every bit of every chunk that decides the pixels, wherever the decoder would not look."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    whole = tmp_path / "whole.png"
    Image.fromarray(pixels).quantize(16).save(whole, transparency=3)
    expected, data = read_image(whole), whole.read_bytes()
    end = data.index(b"IEND") - 4
    for bit in range(8 * 16, 8 * end):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path = tmp_path / "flipped.png"
        path.write_bytes(flipped)
        try:
            found = read_image(path)
        except DataError:
            continue
        # The name of a chunk beside the pixels may have changed.
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_something_else_under_an_image_suffix_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"<html>404</html>" * 20)
    with pytest.raises(DataError, match="cannot decode"):
        read_image(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("x.png", "x.tif"):
        with pytest.raises(DataError, match=r"no image at .*x\."):
            decode(tmp_path / name)
        with pytest.raises(DataError, match=r"no image at .*x\."):
            read_image(tmp_path / name)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(DataError, match="cannot decode"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("side", [14_000, 40_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_decoding(tmp_path: Path, side: int) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(side, side, 8, 2, b"\0" * 100))
    with pytest.raises(DataError, match=r"pixels"):
        read_image(path)


def test_a_16_bit_tiff_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((4, 4, 3), np.uint16), photometric="rgb")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page = tiff.pages.first
        page.tags["ImageWidth"].overwrite(60_000)
        page.tags["ImageLength"].overwrite(60_000)
    with pytest.raises(DataError, match="claims 60000x60000 pixels"):
        read_image(path)


def test_a_large_photo_raises_no_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(10_000, 9_000, 1, 0, b"\0" * (1_251 * 9_000)))
    assert read_image(path).shape == (9_000, 10_000)
    assert not recwarn.list


def test_writing_wants_a_known_suffix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown image format"):
        write_image(tmp_path / "x.gif", RGB)


def sample_file(path: Path) -> None:
    pixels = RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    if path.name == "wide.tif":
        tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb")
    elif path.name == "palette.png":
        Image.fromarray(pixels).convert("P").save(path)
    elif path.name == "zip.tif":
        Image.fromarray(pixels).save(path, compression="tiff_adobe_deflate")
    else:
        write_image(path, pixels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["x.png", "x.bmp", "x.jpg", "x.tif", "x.webp", "wide.tif", "zip.tif", "palette.png"],
)
def test_damage_anywhere_ends_in_a_sentence_or_an_image(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sample_file(path)
    intact, sentences = path.read_bytes(), []
    for _ in range(120):
        damaged = bytearray(intact)
        for place in RNG.integers(0, min(len(intact), 250), 3):
            damaged[place] = RNG.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert read_image(path).dtype == np.uint8
        except DataError as error:
            sentences.append(str(error))
    assert len(sentences) > 10
    assert all(name in sentence for sentence in sentences)

"""Crops of images: what each row makes of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.report.rows import ReportRow
from harness.report.text import number


@dataclass(frozen=True)
class Picture:
    """One image file, as bytes."""

    content: bytes = field(repr=False)
    kind: str

    @property
    def path(self) -> str:
        """Where a report keeps it: named by its content, never by foreign text."""
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        return f"pictures/{digest}.{'jpg' if self.kind == 'jpeg' else self.kind}"


@dataclass(frozen=True)
class Shot:
    """What one row makes of a crop: PSNR of the whole image and of the crop, in dB."""

    row: ReportRow
    psnr_y: float | None
    crop_psnr_y: float | None
    sr: Picture
    error: Picture | None
    error_max: float | None

    @property
    def captions(self) -> list[str]:
        """The PSNR of the crop and of the image in dB, where they are known."""
        known = {"crop": self.crop_psnr_y, "image": self.psnr_y}
        return [f"{name} {number(v, 2)}" for name, v in known.items() if v is not None]


@dataclass(frozen=True)
class Change:
    """Where one network of a crop errs less or more than another, as a picture.

    Attributes:
        left, right: titles of the two.
        end: where the colours end, as a share of the peak.
        words: what the colours mean.
    """

    picture: Picture
    left: str
    right: str
    end: float
    words: str


@dataclass(frozen=True)
class Group:
    """One crop of one image: HR and what each row makes of it.

    Attributes:
        why: how the image was chosen.
        box: top, left, height, width in HR pixels.
        change: between the two that a page compares first.
    """

    scale: int
    dataset: str
    image: str
    why: str
    box: tuple[int, int, int, int]
    hr: Picture
    shots: Sequence[Shot]
    change: Change | None = None

    @property
    def columns(self) -> list[tuple[str, str, str]]:
        """Name, picture and error map (or nothing) of HR and of each row, as paths of a report."""
        rows = [(shot.row.title, shot.sr.path, shot.error) for shot in self.shots]
        found = [(name, sr, error.path if error else "") for name, sr, error in rows]
        return [("HR", self.hr.path, ""), *found]

    @property
    def captions(self) -> list[str]:
        """What stands under each column."""
        return ["", *(", ".join(shot.captions) for shot in self.shots)]

    @property
    def pictures(self) -> list[Picture]:
        """All of them."""
        maps = [shot.error for shot in self.shots if shot.error is not None]
        change = [self.change.picture] if self.change else []
        return [self.hr, *(shot.sr for shot in self.shots), *maps, *change]

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(len(picture.content) for picture in self.pictures)

    @property
    def error_scale(self) -> str:
        """What the error maps of this group share, in words; empty without maps."""
        ends = {shot.error_max for shot in self.shots if shot.error is not None}
        if len(ends) == 1 and (end := ends.pop()) is not None:
            return (
                f"Error maps: |SR \u2212 HR| of Y, black is 0, the brightest {end:g} of the peak."
            )
        return "Error maps: of differing scales, do not compare them." if ends else ""


@dataclass(frozen=True)
class Pictures:
    """All groups that can be shown, and what could not be."""

    groups: Sequence[Group] = ()
    problems: Sequence[str] = ()

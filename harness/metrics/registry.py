"""Quality metrics as tables and reports show them: unit, direction and digits. No torch."""

from dataclasses import dataclass

from harness.system.text import number, signed


@dataclass(frozen=True)
class Metric:
    """One figure of merit per image.

    Attributes:
        key: the field's name in records.
        label: heading for people.
        unit: empty where there is none.
        digits: after the point, of a value.
        tolerance: a mean this close to the paper's counts as reproduced.
        paper_digits: after the point, as the paper prints it.
        higher_is_better: the direction.
    """

    key: str
    label: str
    unit: str
    digits: int
    tolerance: float
    paper_digits: int
    higher_is_better: bool = True

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def in_unit(self) -> str:
        """`` in UNIT``, empty where there is none."""
        return f" in {self.unit}" if self.unit else ""

    def value(self, value: float | None) -> str:
        """A value as text."""
        return number(value, self.digits)

    def delta(self, value: float | None) -> str:
        """A difference as text, with its sign."""
        return signed(value, self.digits)


PSNR = Metric("psnr_y", "PSNR", "dB", digits=3, tolerance=0.05, paper_digits=2)
SSIM = Metric("ssim_y", "SSIM", "", digits=4, tolerance=0.002, paper_digits=3)
METRICS = {metric.key: metric for metric in (PSNR, SSIM)}

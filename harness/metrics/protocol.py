"""Evaluation protocols: frozen descriptions of every convention that moves a PSNR or SSIM."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from variants.errors import UnknownNameError, VariantError


@dataclass(frozen=True)
class Protocol:
    """How HR becomes LR, and how SR is compared with HR.

    All compare luma (BT.601, studio range) of the 8-bit colour result, unrounded, and some its RGB
    as well; crop HR at the
    bottom and right to a multiple of the scale; downscale RGB with MATLAB's antialiased bicubic
    imresize; and super-resolve Y, with Cb and Cr upscaled by bicubic interpolation, or RGB with a
    network that takes it. Greyscale images are evaluated as they are.

    Attributes:
        name: what results are filed under.
        version: raised when the algorithm changes, so that old results are not mixed with new.
        summary: one sentence for reports.
        round_lr: whether LR is rounded and clipped to 8 bits, as if saved to a file.
        border_crop_scales: how many multiples of the scale are shaved from every side.
        ssim_border: ``"replicate"`` evaluates the full map with replicated borders (MATLAB's
            ssim); ``"valid"`` only windows that lie inside (BasicSR and most Python code).
        colour: ``"rgb"`` compares RGB beside luma.
    """

    name: str
    version: int
    summary: str
    round_lr: bool
    border_crop_scales: int
    ssim_border: Literal["replicate", "valid"]
    colour: Literal["y", "rgb"] = "y"

    def border_crop(self, scale: int) -> int:
        """Pixels shaved from every side."""
        return self.border_crop_scales * scale

    def as_dict(self) -> dict[str, Any]:
        """Plain data; ``colour`` only where it is not the usual one, as ids of jobs hash this."""
        told = asdict(self)
        return told if self.colour == "rgb" else {k: v for k, v in told.items() if k != "colour"}


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="matlab_y",
            version=1,
            summary="The paper's: LR by MATLAB's imresize, neither rounded nor clipped; PSNR and "
            "SSIM on Y of the 8-bit result, borders shaved by the scale; SSIM as MATLAB's ssim.",
            round_lr=False,
            border_crop_scales=1,
            ssim_border="replicate",
        ),
        Protocol(
            name="python_y",
            version=1,
            summary="Common Python conventions: LR by MATLAB's imresize, rounded to 8 bits; PSNR "
            "and SSIM on unrounded Y of the 8-bit result, borders shaved by the scale; SSIM over "
            "windows inside the image only, as in BasicSR.",
            round_lr=True,
            border_crop_scales=1,
            ssim_border="valid",
        ),
        Protocol(
            name="python_rgb",
            version=1,
            summary="As python_y, and PSNR and SSIM on RGB beside it: PSNR over all values of the "
            "three channels, SSIM as their mean, as in BasicSR.",
            round_lr=True,
            border_crop_scales=1,
            ssim_border="valid",
            colour="rgb",
        ),
    )
}
DEFAULT_PROTOCOL = "matlab_y"


def register_protocol(protocol: Protocol) -> Protocol:
    """Add a protocol, in this process: what a plug-in does. Records hold it whole.

    Raises:
        VariantError: its name is taken.
    """
    if protocol.name in PROTOCOLS:
        raise VariantError(f"protocol {protocol.name!r} is there already; choose another name")
    PROTOCOLS[protocol.name] = protocol
    return protocol


def get_protocol(name: str) -> Protocol:
    """The named protocol; UnknownNameError if there is none."""
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]

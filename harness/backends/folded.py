"""PyTorch without a compiler, with the last upsampler and the residual convolution as one."""

from typing import TYPE_CHECKING

from harness.backends import Backend, BackendUnavailableError, Forward, get_backend
from variants.errors import VariantError

if TYPE_CHECKING:
    from variants.backbones.base import SRModel


def rewrite(model: "SRModel") -> "SRModel":
    """See :func:`variants.fold.fold`."""
    from variants.fold import fold

    try:
        return fold(model)
    except VariantError as error:
        raise BackendUnavailableError(str(error)) from error


def prepare(
    model: "SRModel", dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`; the model is folded already."""
    return get_backend("eager").prepare(model, dtype, device, shape)


BACKEND = Backend(prepare, package="torch", compiles=False, rewrite=rewrite)

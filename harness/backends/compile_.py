"""``torch.compile`` with the weights frozen into the compiled code."""

from collections.abc import Callable

import torch
from torch import Tensor

from harness.backends import Forward
from harness.backends.precision import cast
from variants.backbone import SRModel


def prepare(
    model: SRModel, dtype: str, device: str, shape: tuple[int, int, int, int] | None
) -> Forward:
    """See :func:`harness.backends.prepare`.

    Compiles at the first call: seconds to a minute. With ``shape`` None it compiles once for all
    sizes rather than for each.
    """
    options: dict[str, str | int | bool | Callable[..., object]] = {"freezing": True}
    compiled: Callable[[Tensor], Tensor] = torch.compile(
        model, dynamic=shape is None, options=options
    )

    def forward(y: Tensor) -> Tensor:
        # inference_mode keeps the compiler from freezing weights; no_grad does not.
        with torch.no_grad(), cast(dtype, device):
            return compiled(y)

    return forward

"""A process that times networks of whichever code it finds, one forward pass when it is asked.

Run as a program, with the revision that is to be timed in front of everything else on
``PYTHONPATH``: it uses nothing but :func:`variants.create_model`, which every revision has.
It reads lines ``VARIANT SCALE LR_HEIGHT LR_WIDTH`` and answers each with milliseconds.
"""

import sys
import time


def main() -> None:
    """Answer until the input ends."""
    import torch

    from variants import create_model

    networks: dict[str, tuple[torch.nn.Module, torch.Tensor]] = {}
    with torch.inference_mode():
        for line in sys.stdin:
            if line not in networks:
                name, *sizes = line.rsplit(maxsplit=3)
                scale, height, width = map(int, sizes)
                model = create_model(name, scale, pretrained=False).eval()
                model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                pixels = torch.rand(1, 1, height, width, generator=torch.manual_seed(0))
                networks[line] = model, pixels.contiguous(memory_format=torch.channels_last)
                model(networks[line][1])
            network, pixels = networks[line]
            began = time.perf_counter()
            network(pixels)
            milliseconds = 1e3 * (time.perf_counter() - began)
            sys.stdout.write(f"{milliseconds}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

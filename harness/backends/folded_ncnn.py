"""ncnn on the CPU, with the last upsampler and the residual convolution as one."""

from dataclasses import replace

from harness.backends import get_backend
from harness.backends.folded import rewrite

BACKEND = replace(get_backend("ncnn"), extra="ncnn", rewrite=rewrite, memory=1.2)

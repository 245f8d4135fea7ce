"""Warp kernels of the differentiable primitives, forward and adjoint by hand, one source for CPU and CUDA.

Rule of this folder: a file is a Warp module and holds one primitive's kernels, both directions; the default path never
compiles them. Every array is flat, for Warp's CPU compiler makes its best code of packed arrays of one axis; what is not
wanted is an array of length 0. Values of C channels are vectors, at most MAX_CHANNELS long: OVERLOADS[C] of a kernel.
Import this through backends.load_backend, never directly.
"""

from . import interpolation, outlines, sampling, visibility

MODULES = (visibility, interpolation, sampling, outlines)

__all__ = ["MODULES", "interpolation", "outlines", "sampling", "visibility"]

"""The paper's method as its authors released it, number by number: geometry, light, texture, losses, and the flow through them.

Rule of this package: plain functions and frozen values. Torch where gradients or networks flow, NumPy elsewhere. What the
release does wrong is right here by default; Faithfulness names each such fault, and with it the released numbers come out.
Importing the package without torch raises BackendError.
Source: Rai et al. 2024, "Towards realistic generative 3D face models", WACV (arXiv 2304.12483), and the numbers that the
published implementations give.
"""

from __future__ import annotations

from ..errors import BackendError

try:
    import torch  # noqa: F401
except ImportError as error:
    raise BackendError(
        "The paper's method needs PyTorch: install it (pip install torch, or make environment) for this Python."
    ) from error

"""What the displacement generator's pictures mean.

The release's disp_GAN is a StyleGAN2 of 256 x 256 that takes the first 14 rows of the face's w+; only its first channel counts.
"""

from __future__ import annotations

from torch import Tensor

LIMIT_M = 0.004


def picture_to_displacement(pictures: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] -> displacement along the normal [B, 1, H, W], metres, within 1/255 either way.

    u = the first channel in [0, 1]; z = (2 u - 1) / 255, within LIMIT_M.
    """
    u = pictures[:, :1].clamp(0, 1)
    return ((2 * u - 1) / 255).clamp(-LIMIT_M, LIMIT_M)

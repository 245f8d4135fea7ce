"""StyleGAN2's modulated convolution, its styled layer, and its output to RGB.

Equations: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 2.2. A weight w_oik is modulated
by a style s_i, w'_oik = s_i w_oik, and demodulated, w''_oik = w'_oik / sqrt(sum_ik w'_oik^2 + 1e-8).

Rule of this file: two ways to the same numbers. One picture without gradients takes the modulated weight, as the equations
have it. Otherwise the styles scale the input's channels and the demodulation the output's: a batch then shares one weight, and
gradients to the styles never cost a convolution.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .equalised import GAIN, SLOPE, Bias, EqualLinear
from .fir import Doubling, Filter

EPSILON = 1e-8


class ModulatedConv(nn.Module):
    """x [B, n, H, W], w [B, D] -> [B, m, H, W], or twice the size with `is_up`: a transposed convolution, then the filter."""

    def __init__(
        self, inputs: int, outputs: int, size: int, style_size: int, *, is_up: bool = False, is_rgb: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, outputs, inputs, size, size))
        self.modulation = EqualLinear(style_size, inputs)
        if is_up:
            self.blur = Filter(padding=1)
        self.scale, self.is_up, self.is_rgb = 1 / math.sqrt(inputs * size**2), is_up, is_rgb

    def forward(self, x: Tensor, w: Tensor, gain: float = 1.0) -> Tensor:
        """gain multiplies the output."""
        style, weight = self.modulation(w) * self.scale, self.weight[0]
        if len(x) == 1 and not (x.requires_grad or style.requires_grad or weight.requires_grad):
            modulated = weight * style.view(1, -1, 1, 1)
            if not self.is_rgb:
                power = torch.linalg.vector_norm(modulated.flatten(1), dim=1).square_()
                modulated *= (gain * torch.rsqrt(power + EPSILON)).view(-1, 1, 1, 1)
            elif gain != 1:
                modulated *= gain
            return self._convolve(x, modulated)
        y = self._convolve(x * style[..., None, None], weight)
        if self.is_rgb:
            return y * gain if gain != 1 else y
        power = style.square() @ weight.square().sum((2, 3)).T
        factor = (gain * torch.rsqrt(power + EPSILON))[..., None, None]
        return y * factor if y.requires_grad or factor.requires_grad else y.mul_(factor)

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.is_up:
            return self.blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        return functional.conv2d(x, weight, padding=weight.shape[-1] // 2)


class NoiseStrength(nn.Module):
    """How much of a noise map one layer adds to all its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1))


class StyledLayer(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU: x [B, n, H, W], w [B, D], noise [B or 1, 1, H', W'] or None."""

    def __init__(self, inputs: int, outputs: int, size: int, style_size: int, *, is_up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, size, style_size, is_up=is_up)
        self.noise = NoiseStrength()
        self.activate = Bias(outputs)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """The activation's gain is taken before it, where it costs nothing: leaky ReLU is homogeneous."""
        y = self.conv(x, w, GAIN)
        bias = (self.activate.bias * GAIN).view(-1, 1, 1)
        added = bias if noise is None else noise * (self.noise.weight * GAIN)
        if y.requires_grad or bias.requires_grad or added.requires_grad:
            return functional.leaky_relu(y + bias if noise is None else y + added + bias, SLOPE)
        if noise is not None:
            y.add_(added)
        return functional.leaky_relu_(y.add_(bias), SLOPE)


class ToRGB(nn.Module):
    """x [B, n, H, W], w [B, D] and the picture of half the size, which is doubled and added to -> picture [B, 3, H, W]."""

    def __init__(self, inputs: int, colours: int, style_size: int, *, has_skip: bool = True) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(1, colours, 1, 1))
        if has_skip:
            self.upsample = Doubling()
        self.conv = ModulatedConv(inputs, colours, 1, style_size, is_rgb=True)

    def forward(self, x: Tensor, w: Tensor, skip: Tensor | None = None) -> Tensor:
        picture = self.conv(x, w) + self.bias
        return picture if skip is None else picture + self.upsample(skip)

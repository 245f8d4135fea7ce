"""StyleGAN2's modulated convolution, its styled layer, and its output to RGB.

Equations: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", section 2.2. A weight w_oik is modulated
by a style s_i, w'_oik = s_i w_oik, and demodulated, w''_oik = w'_oik / sqrt(sum_ik w'_oik^2 + 1e-8).

Rule of this file: two ways to the same numbers. Where nothing is learnt and the weight is smaller than the map, one picture is
made with the modulated weight, as the equations have it. Otherwise the styles scale the input's channels and the demodulation
the output's: a batch then shares one weight, and gradients to the styles never cost a convolution. In place where autograd does
not watch.
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
        self._energy: tuple[tuple, Tensor] | None = None

    def forward(self, x: Tensor, w: Tensor, bias: Tensor, gain: float = 1.0) -> Tensor:
        """bias [m] is added to the convolution, and the sum multiplied by gain."""
        style, weight = self.modulation(w) * self.scale, self.weight[0]
        factor = self.demodulate(style) * gain
        is_watched = torch.is_grad_enabled() and any(t.requires_grad for t in (x, style, weight, bias))
        if len(x) == 1 and not is_watched and weight.numel() < x.numel():
            both = factor.view(-1, 1) * style
            return self.convolve(x, weight * both[..., None, None], bias * gain)
        y = self.convolve(x * style[..., None, None], weight)
        factor, bias = factor[..., None, None], (bias * gain).view(-1, 1, 1)
        return y * factor + bias if is_watched else y.mul_(factor).add_(bias)

    def demodulate(self, style: Tensor) -> Tensor:
        """What the outputs of styles [B, n] are multiplied by, [B, m] (ones for RGB)."""
        if self.is_rgb:
            return style.new_ones(len(style), self.weight.shape[1])
        return torch.rsqrt(style.square() @ self.energy().T + EPSILON)

    def energy(self) -> Tensor:
        """sum_k w_oik^2 [m, n]; kept as long as the weight stays the same, unless it is learnt."""
        weight = self.weight
        key = weight.data_ptr(), weight._version, weight.dtype, weight.device
        if self._energy is not None and self._energy[0] == key and not weight.requires_grad:
            return self._energy[1]
        energy = weight[0].square().sum((2, 3))
        if not weight.requires_grad and not energy.is_inference():
            self._energy = key, energy
        return energy

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The convolution itself, with a bias [m] to its output."""
        if self.is_up:
            return self.blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2), bias)
        return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    def arrange_weight(self) -> None:
        """Lay the weight out in memory as the CPU's convolutions take it; its numbers stay."""
        plain = self.weight.data[0]
        laid = plain.transpose(0, 1) if self.is_up else plain
        laid = laid.contiguous(memory_format=torch.channels_last)
        self.weight.data = (laid.transpose(0, 1) if self.is_up else laid)[None]


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

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, limit: float | None = None) -> Tensor:
        """The activation's gain is taken before it, where it costs nothing: leaky ReLU is homogeneous.

        limit: what the output is clipped to, either way.
        """
        y = self.conv(x, w, self.activate.bias, GAIN)
        if noise is not None:
            added = noise * (self.noise.weight * GAIN)
            y = y + added if y.requires_grad or added.requires_grad else y.add_(added)
        y = functional.leaky_relu(y, SLOPE) if y.requires_grad else functional.leaky_relu_(y, SLOPE)
        return y if limit is None else y.clamp(-limit, limit)


class ToRGB(nn.Module):
    """x [B, n, H, W], w [B, D] and the picture of half the size, which is doubled and added to -> picture [B, 3, H, W]."""

    def __init__(self, inputs: int, colours: int, style_size: int, *, has_skip: bool = True) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(1, colours, 1, 1))
        if has_skip:
            self.upsample = Doubling()
        self.conv = ModulatedConv(inputs, colours, 1, style_size, is_rgb=True)

    def forward(self, x: Tensor, w: Tensor, skip: Tensor | None = None, limit: float | None = None) -> Tensor:
        picture = self.conv(x, w, self.bias.flatten())
        picture = picture if limit is None else picture.clamp(-limit, limit)
        return picture if skip is None else picture + self.upsample(skip)

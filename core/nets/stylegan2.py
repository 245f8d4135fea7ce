"""StyleGAN2's generator: latent codes to pictures, with the tensors' names of the rosinality layout.

z [B, Z] -> mapping -> w [B, D] -> truncation -> one row a layer, w+ [B, L, D] -> synthesis -> picture [B, 3, size, size].
Karras et al. 2019, "A Style-Based Generator Architecture" (mapping, truncation, mixing, noise), and 2020 (synthesis).
The FFHQ generator's pictures are in [-1, 1], those of AlbedoGAN and of the displacement generator in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .equalised import ActivatedLinear
from .modulated import ModulatedConv, StyledLayer, ToRGB
from .sizes import count_blocks, most_agree, read_size

MAPPING_RATE = 0.01
"""The mapping network's learning-rate multiplier."""
FIRST_LATENTS = 4096
"""How many codes the published mean latent is of."""

MAX_DOUBLINGS = 12
"""Of 4 x 4 pixels: 16,384 at the most."""

Noise = Sequence[Tensor | None]
"""A map [B or 1, 1, R, R] for each layer, None for no noise there."""


@dataclass(frozen=True)
class GeneratorSizes:
    """channels: of each resolution, from `base` x `base` on, doubling. num_mapping: fully connected layers."""

    latent_size: int
    style_size: int
    num_mapping: int
    base: int
    channels: tuple[int, ...]
    colours: int

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> GeneratorSizes:
        """From the tensors of a generator in the rosinality layout."""
        num_noises = count_blocks({f"{name}.": None for name in tensors}, "noises.noise_")
        counts = count_blocks(tensors, "convs.") // 2, count_blocks(tensors, "to_rgbs."), (num_noises - 1) // 2
        num_doublings = min(most_agree(counts), MAX_DOUBLINGS)
        num_mapping = count_blocks(tensors, "style.", first=1)
        style = read_size(tensors, [("conv1.conv.modulation.weight", 1), ("to_rgb1.conv.modulation.weight", 1)], 512)
        first = [("input.input", 1), ("conv1.conv.weight", 1), ("conv1.activate.bias", 0), ("conv1.conv.modulation.bias", 0)]
        channels = [read_size(tensors, first, 512)]
        for block in range(num_doublings):
            up, plain = f"convs.{2 * block}", f"convs.{2 * block + 1}"
            of_block = [(f"{up}.activate.bias", 0), (f"{plain}.activate.bias", 0), (f"{up}.conv.weight", 1)]
            channels.append(read_size(tensors, [*of_block, (f"{plain}.conv.modulation.bias", 0)], 512))
        return cls(
            latent_size=read_size(tensors, [("style.1.weight", 1)], style),
            style_size=style,
            num_mapping=num_mapping,
            base=read_size(tensors, [("input.input", 2), ("input.input", 3), ("noises.noise_0", 2)], 4),
            channels=tuple(channels),
            colours=read_size(tensors, [(f"to_rgbs.{i}.bias", 1) for i in range(num_doublings)], 3),
        )


class ConstantInput(nn.Module):
    """What the synthesis starts from."""

    def __init__(self, channels: int, base: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.empty(1, channels, base, base))


class NoiseMaps(nn.Module):
    """The maps that the file holds, so that a picture depends on its latent code alone."""

    def __init__(self, resolutions: Sequence[int]) -> None:
        super().__init__()
        for i, resolution in enumerate(resolutions):
            self.register_buffer(f"noise_{i}", torch.empty(1, 1, resolution, resolution))


class Generator(nn.Module):
    """size: the picture's edge; num_latents: rows of w+, one a styled layer and one for the last colours.

    latent_avg [1, D]: the mean latent where the file has one; it is not among the tensors of the state dict. limit: what the
    layers' outputs are clipped to, which NVIDIA's half-precision training sets (its conv_clamp); None otherwise.
    """

    latent_avg: Tensor | None

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        self.sizes, style, channels = sizes, sizes.style_size, sizes.channels
        self.size = sizes.base * 2 ** (len(channels) - 1)
        self.num_latents = 2 * len(channels)
        self.style = nn.ModuleDict()
        for layer in range(sizes.num_mapping):
            inputs = style if layer else sizes.latent_size
            self.style[str(layer + 1)] = ActivatedLinear(inputs, style, MAPPING_RATE)
        self.input = ConstantInput(channels[0], sizes.base)
        self.conv1 = StyledLayer(channels[0], channels[0], 3, style)
        self.to_rgb1 = ToRGB(channels[0], sizes.colours, style, has_skip=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for before, after in zip(channels, channels[1:], strict=False):
            self.convs.append(StyledLayer(before, after, 3, style, is_up=True))
            self.convs.append(StyledLayer(after, after, 3, style))
            self.to_rgbs.append(ToRGB(after, sizes.colours, style))
        self.resolutions = [sizes.base * 2 ** ((i + 1) // 2) for i in range(2 * len(channels) - 1)]
        self.noises = NoiseMaps(self.resolutions)
        self.register_buffer("latent_avg", None, persistent=False)
        self.limit: float | None = None

    def arrange_weights(self) -> None:
        """Lay the convolutions' weights out in memory as the CPU takes them fastest."""
        for module in self.modules():
            if isinstance(module, ModulatedConv):
                module.arrange_weight()

    def map(self, z: Tensor) -> Tensor:
        """z [B, Z] -> w [B, D]."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.style.values():
            x = layer(x)
        return x

    def mean_latent(self, count: int = FIRST_LATENTS, seed: int = 0) -> Tensor:
        """The mean of w [1, D] over `count` random z: where truncation leads to."""
        z = torch.randn(count, self.sizes.latent_size, generator=torch.Generator().manual_seed(seed))
        return self.map(z.to(self.input.input)).mean(0, keepdim=True)

    def make_noise(self, seed: int, batch: int = 1) -> list[Tensor]:
        """Fresh normal maps [B, 1, R, R], the same for the same seed on every machine's CPU."""
        generator, like = torch.Generator().manual_seed(seed), self.input.input
        return [torch.randn(batch, 1, r, r, generator=generator).to(like) for r in self.resolutions]

    def arrange(
        self,
        styles: Sequence[Tensor],
        *,
        is_latent: bool = False,
        truncation: float = 1.0,
        mean_latent: Tensor | None = None,
        mix_at: int | None = None,
    ) -> Tensor:
        """One code, or two to mix, -> w+ [B, L, D].

        styles: z [B, Z] each, or with is_latent w [B, D] or w+ [B, >= L, D], whose first L rows count. truncation: psi,
        w' = m + psi (w - m), towards mean_latent [1, D] (default: the file's, else the mean of random codes). mix_at: with
        two styles, the row from which on the second is taken (default: the middle).
        """
        codes = [style if is_latent else self.map(style) for style in styles]
        if truncation != 1:
            mean = self.latent_avg if mean_latent is None else mean_latent
            mean = self.mean_latent() if mean is None else mean
            codes = [mean + truncation * (code - mean) for code in codes]
        rows = [
            code[:, : self.num_latents] if code.ndim == 3 else code[:, None].expand(-1, self.num_latents, -1) for code in codes
        ]
        if len(rows) == 1:
            return rows[0]
        middle = self.num_latents // 2 if mix_at is None else mix_at
        return torch.cat([rows[0][:, :middle], rows[1][:, middle:]], 1)

    def synthesise(self, latent: Tensor, noise: Noise | None = None) -> Tensor:
        """w+ [B, L, D] -> pictures [B, 3, size, size]. noise: a map for each layer; None takes those of the file."""
        maps = list(self.noises.buffers()) if noise is None else noise
        layout = torch.channels_last if latent.device.type == "cpu" else torch.contiguous_format
        x = self.input.input.expand(len(latent), -1, -1, -1).contiguous(memory_format=layout)
        limit = self.limit
        x = self.conv1(x, latent[:, 0], maps[0], limit)
        picture = self.to_rgb1(x, latent[:, 1], None, limit)
        for block, to_rgb in enumerate(self.to_rgbs):
            row = 2 * block + 1
            x = self.convs[2 * block](x, latent[:, row], maps[row], limit)
            x = self.convs[2 * block + 1](x, latent[:, row + 1], maps[row + 1], limit)
            picture = to_rgb(x, latent[:, row + 2], picture, limit)
        return picture.contiguous()

    def forward(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        noise: Noise | None = None,
        is_latent: bool = False,
        truncation: float = 1.0,
        mean_latent: Tensor | None = None,
        mix_at: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """-> (pictures [B, 3, size, size], w+ [B, L, D]); see `arrange` and `synthesise`."""
        given = [styles] if isinstance(styles, Tensor) else styles
        latent = self.arrange(given, is_latent=is_latent, truncation=truncation, mean_latent=mean_latent, mix_at=mix_at)
        return self.synthesise(latent, noise), latent

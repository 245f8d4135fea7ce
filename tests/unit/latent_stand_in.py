"""A StyleGAN2 generator of 64 px with weights from a seed, small enough to be optimised through in a test."""

from __future__ import annotations

import numpy as np
import torch
from likeness.core.nets.stylegan2 import MAPPING_RATE, Generator, GeneratorSizes

SIZES = GeneratorSizes(latent_size=32, style_size=32, num_mapping=2, base=4, channels=(24, 24, 16, 16, 8), colours=3)

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
KERNEL = TAPS[:, None] * TAPS


def make_generator(seed: int = 0, sizes: GeneratorSizes = SIZES) -> Generator:
    """Normal weights, noise of little strength, pictures of about unit deviation."""
    torch.set_num_threads(1)
    generator, random = Generator(sizes), torch.Generator().manual_seed(seed)
    scales = {"noise.weight": 0.0, "modulation.bias": 0.0, "modulation.weight": 0.4, "bias": 0.1}
    with torch.no_grad():
        for name, tensor in generator.state_dict().items():
            if name.endswith("kernel"):
                tensor.copy_(4 * KERNEL)
                continue
            tensor.copy_(torch.randn(tensor.shape, generator=random))
            tensor.mul_(next((scale for end, scale in scales.items() if name.endswith(end)), 1.0))
            if name.endswith("noise.weight"):
                tensor.add_(0.02)
            if name.endswith("modulation.bias"):
                tensor.add_(1.0)
            if name.startswith("style.") and name.endswith("weight"):
                tensor.div_(MAPPING_RATE)
            if "to_rgb" in name and name.endswith("conv.weight"):
                tensor.mul_(0.15)
    return generator.eval().requires_grad_(False)


def draw_picture(generator: Generator, seed: int, psi: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """(code [D] float64, picture [S, S, 3] uint8) of a random person."""
    z = torch.randn(1, generator.sizes.latent_size, generator=torch.Generator().manual_seed(seed))
    mean = generator.mean_latent(512)
    with torch.no_grad():
        code = mean + psi * (generator.map(z) - mean)
        picture = generator.synthesise(code[:, None].expand(-1, generator.num_latents, -1))
    pixels = (255 * (picture[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1) + 0.5).to(torch.uint8).numpy()
    return code[0].numpy().astype(np.float64), pixels

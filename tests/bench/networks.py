"""StyleGAN2 at 1024 x 1024 on two threads: the forward pass beside its convolutions alone, and the memory that it takes.

Rule: both are measured in turns in one process, and the convolutions in the memory layout that suits them best; the ratio is of
the quietest rounds, for the machine is rarely ours alone.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

THREADS, ROUNDS = 2, 8
TARGET = 1.3
PEAK = """
from pathlib import Path
from likeness.tests.bench.networks import make_generator, one_picture
generator = make_generator()
def peak_kb():
    return [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0]
before = peak_kb()
one_picture(generator)
print(before, peak_kb())
"""


def make_generator():
    """The generator of 1024 x 1024 with random weights."""
    import torch
    from likeness.core.nets.stylegan2 import Generator, GeneratorSizes

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    generator = Generator(GeneratorSizes(512, 512, 8, 4, (512, 512, 512, 512, 512, 256, 128, 64, 32), 3)).eval()
    for name, tensor in generator.state_dict().items():
        if name.endswith("kernel"):
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
            tensor.copy_(torch.outer(taps, taps) / 16)
        else:
            tensor.normal_()
    generator.arrange_weights()
    return generator.requires_grad_(False)


def one_picture(generator) -> None:
    """From w+ to the picture."""
    import torch

    generator.synthesise(torch.zeros(1, generator.num_latents, generator.sizes.style_size))


def make_convolutions(generator, is_channels_last: bool) -> Callable[[], None]:
    """A function that runs the generator's convolutions alone: the 3x3s, transposed where it doubles, and the 1x1s to RGB."""
    import torch
    from torch.nn import functional

    layout = torch.channels_last if is_channels_last else torch.contiguous_format
    steps = []
    layers = [(generator.conv1, 4), *((layer, 8 << (i // 2)) for i, layer in enumerate(generator.convs))]
    colours = [(generator.to_rgb1, 4), *((layer, 8 << i) for i, layer in enumerate(generator.to_rgbs))]
    for layer, size in [*layers, *colours]:
        weight = layer.conv.weight[0].contiguous(memory_format=layout)
        edge = size // 2 if layer.conv.is_up else size
        x = torch.randn(1, weight.shape[1], edge, edge).contiguous(memory_format=layout)
        steps.append((x, weight.transpose(0, 1) if layer.conv.is_up else weight, layer.conv.is_up))

    def run() -> None:
        for x, weight, is_up in steps:
            if is_up:
                functional.conv_transpose2d(x, weight, stride=2)
            else:
                functional.conv2d(x, weight, padding=weight.shape[-1] // 2)

    return run


def report_networks() -> dict[str, float]:
    """Print times (ms), their ratio and the peak memory (MB); -> the figures. Without PyTorch it says so and returns nothing."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to measure.")
        return {}
    import torch

    threads = torch.get_num_threads()
    generator = make_generator()
    runs: dict[str, Callable[[], None]] = {
        "forward": lambda: one_picture(generator),
        "convolutions, channels last": make_convolutions(generator, True),
        "convolutions, channels first": make_convolutions(generator, False),
    }
    rounds: dict[str, list[float]] = {name: [] for name in runs}
    try:
        for run in runs.values():
            run()
        for _ in range(ROUNDS):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                rounds[name].append((time.perf_counter() - start) * 1e3)
    finally:
        torch.set_num_threads(threads)
    best = min(list(runs)[1:], key=lambda name: min(rounds[name]))
    ratio = min(rounds["forward"]) / min(rounds[best])
    ratios = [ours / alone for ours, alone in zip(rounds["forward"], rounds[best], strict=True)]
    environment = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, env=environment, check=True)
    before, peak = (int(number) / 1024 for number in done.stdout.split())
    for name, times in rounds.items():
        print(f"{name:30s} {min(times):7.0f} ms at best, {median(times):7.0f} in the middle of {ROUNDS}")
    print(f"StyleGAN2 1024 on {THREADS} threads: {ratio:.2f} x its convolutions alone ({best}), target {TARGET};")
    print(f"round by round {min(ratios):.2f} to {max(ratios):.2f}, {median(ratios):.2f} in the middle")
    print(f"memory: {peak:.0f} MB at the peak, {before:.0f} MB of it before the first picture (PyTorch and the weights)")
    figures = {f"{name} ms": min(times) for name, times in rounds.items()}
    return figures | {"ratio": ratio, "peak_mb": peak, "before_mb": before}

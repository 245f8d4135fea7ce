"""The differentiable renderer's speed: rasterize, interpolate, texture, mask, antialias, loss, and back, on one thread.

Rule: the kernels stand beside their plain PyTorch twin, both measured in turns; of several rounds the quietest is reported,
for the machine is rarely ours alone.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from likeness.core.head.library import get_model
from likeness.core.head.model import triangulate
from likeness.core.render import differentiable as dr
from likeness.core.render.camera import orbit_camera
from likeness.core.render.differentiable.projection import clip_matrix

TARGET_MS = 12.0
CASES = ((256, 1), (512, 1), (256, 8))
ROUNDS = 8
COMPILE = """
import sys, time
from likeness.core.render.runtime import load_kernels, load_warp, warm_up
wp = load_warp()
start = time.perf_counter()
if sys.argv[1] == "default":
    warm_up()
else:
    import torch
    start = time.perf_counter()
    from likeness.core.render.differentiable import kernels
    for module in kernels.MODULES:
        wp.load_module(module, device="cpu")
print(time.perf_counter() - start)
"""


def make_chain(size: int, count: int) -> tuple[Callable[[str], tuple[float, float, float]], int]:
    """A function of the backend's name that renders `count` heads and goes back -> (whole, forward, whole's CPU time) ms.

    And the number of triangles. Gradients go to the positions and to a texture of 256 x 256.
    """
    import torch

    model = get_model()
    camera = orbit_camera(model.template, (size, size), 0.3)
    corners = triangulate(model.faces[np.isin(model.face_parts, [0, 1, 2])]).astype(np.int32)
    clip = np.column_stack([model.template, np.ones(len(model.template))]) @ clip_matrix(camera).T
    tri = torch.tensor(corners)
    uv = torch.tensor(model.template[None, :, :2] * 3 + 0.5, dtype=torch.float32)
    learnt = (np.repeat(clip[None], count, 0), np.random.default_rng(0).uniform(size=(1, 256, 256, 3)))
    pos, tex = (torch.tensor(values, dtype=torch.float32, requires_grad=True) for values in learnt)

    target = torch.full((count, size, size, 3), 0.5)

    def run(backend: str) -> tuple[float, float, float]:
        primitives = dr.load_backend(backend)
        start, cpu = time.perf_counter(), time.process_time()
        rast, _ = primitives.rasterize(pos, tri, (size, size))
        where, _ = primitives.interpolate(uv, rast, tri)
        colour = primitives.texture(tex, where, filter_mode="linear", boundary_mode="clamp") * (rast[..., 3:] > 0)
        image = primitives.antialias(colour, rast, pos, tri)
        loss = torch.nn.functional.mse_loss(image, target)
        forward = time.perf_counter() - start
        loss.backward()
        whole, cpu = time.perf_counter() - start, time.process_time() - cpu
        for tensor in (pos, tex):
            tensor.grad = None
        return whole * 1e3, forward * 1e3, cpu * 1e3

    return run, len(tri)


def time_rounds(run: Callable[[str], tuple[float, float, float]], backend: str, repeats: int, rounds: int) -> tuple[float, ...]:
    """(whole, forward, CPU) ms: medians over `repeats`, of the quietest round; and the median of all rounds' wholes."""
    run(backend)
    medians = []
    for _ in range(rounds):
        columns = zip(*(run(backend) for _ in range(repeats)), strict=True)
        medians.append(tuple(median(column) for column in columns))
    return *min(medians), median(whole for whole, _, _ in medians)


def time_compilation(which: str) -> float:
    """Seconds to compile a module of kernels into an empty cache, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"LIKENESS_CACHE": folder}
        done = subprocess.run([sys.executable, "-c", COMPILE, which], capture_output=True, text=True, env=environment, check=True)
    return float(done.stdout)


def report_renderer() -> dict[str, float]:
    """Print a table of times (ms) and the compile time (s); -> its figures. Without PyTorch it says so and returns nothing."""
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to measure.")
        return {}
    import torch

    figures = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        print(f"{'':14s} {'Warp forward':>13s} {'and back':>9s} {'CPU':>7s} {'all rounds':>11s} {'twin and back':>14s}   (ms)")
        for size, count in CASES:
            run, num_triangles = make_chain(size, count)
            repeats = 15 if count == 1 and size == 256 else 5
            twin = time_rounds(run, "torch", 2, 2)
            ours = time_rounds(run, "warp", repeats, ROUNDS)
            name = f"{size}x{size} x {count}"
            whole, forward, cpu, rounds = ours
            print(f"{name:14s} {forward:13.1f} {whole:9.1f} {cpu:7.1f} {rounds:11.1f} {twin[0]:14.0f}")
            figures |= {f"{name} forward": forward, f"{name} whole": whole, f"{name} cpu": cpu, f"{name} twin": twin[0]}
    finally:
        torch.set_num_threads(threads)
    figures["compile_s"] = time_compilation("differentiable")
    print(f"{num_triangles} triangles, one thread; target at {CASES[0][0]}x{CASES[0][0]}: {TARGET_MS:.0f} ms forward and back")
    print(f"compiling the kernels, once a machine: {figures['compile_s']:.1f} s (the default path never does)")
    return figures

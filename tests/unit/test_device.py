"""The device that kernels run on: chosen by name, told in a sentence, and the CPU wherever it fails."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from likeness.core import generation
from likeness.core.errors import BackendError
from likeness.core.render import runtime
from likeness.core.render.device import VARIABLE, Device, describe_device, find_device
from likeness.core.render.rasterize import sample_image, sample_image_reference

KERNELS = (runtime.load_kernels, runtime.load_texel_kernels, runtime.load_skin_kernels, runtime.load_relief_kernels)
HAS_CUDA = runtime.load_warp().is_cuda_available()
ELSEWHERE = Device("cuda:0", "Some GPU")


@pytest.fixture
def elsewhere(monkeypatch):
    """A second device with memory of its own, played by copies on the CPU; -> the launches that ran there."""
    launched = []
    launch_elsewhere = runtime._launch_elsewhere

    def play(name, kernel, *rest):
        launched.append(kernel.key)
        launch_elsewhere("cpu", kernel, *rest)

    monkeypatch.setattr(runtime, "_device", ELSEWHERE)
    monkeypatch.setattr(runtime, "_launch_elsewhere", play)
    monkeypatch.setattr(generation, "are_kernels_compiled", lambda kernels: True)
    monkeypatch.setattr(generation, "warm_up", lambda kernels: None)
    return launched


def generate(size: int = 512) -> dict[str, np.ndarray]:
    steps = generation.generate_head(3, texture_size=size)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return {name: texture.pixels for name, texture in end.value.textures.items()}


@pytest.mark.parametrize(
    "choice, beginning", [("", "Everything"), ("AUTO", "Everything"), ("cpu", "Everything"), ("mps", "The built-in")]
)
def test_the_cpu_is_used_and_told_unless_cuda_was_chosen(monkeypatch, choice, beginning):
    monkeypatch.setenv(VARIABLE, choice)
    device = find_device(runtime.load_warp())
    assert device.name == "cpu"
    assert describe_device(device)[0].startswith(beginning) and "on the CPU, " in describe_device(device)[-1]


@pytest.mark.skipif(HAS_CUDA, reason="there is a CUDA GPU")
def test_without_a_gpu_cuda_is_the_cpu_and_says_why(monkeypatch):
    monkeypatch.setenv(VARIABLE, "cuda")
    device = find_device(runtime.load_warp())
    assert device.name == "cpu"
    problem, used = describe_device(device)
    assert problem == "CUDA finds no NVIDIA GPU with a driver here."
    assert used.startswith("Everything runs on the CPU, ")


def test_an_unknown_device_is_one_sentence(monkeypatch):
    monkeypatch.setenv(VARIABLE, "gpu")
    with pytest.raises(BackendError, match="LIKENESS_DEVICE is 'gpu': use auto, cpu, cuda or mps"):
        find_device(runtime.load_warp())


def test_what_is_painted_in_another_memory_comes_back_the_same(elsewhere, monkeypatch):
    there = generate(1024)
    assert {"paint_skin", "raise_skin", "tilt_skin", "interpolate_attributes", "resolve_samples"} <= set(elsewhere)
    monkeypatch.setattr(runtime, "_device", Device())
    here = generate(1024)
    for name, pixels in here.items():
        assert np.array_equal(pixels, there[name]), name


def test_small_launches_stay_on_the_cpu(elsewhere):
    image = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    points = np.random.default_rng(1).random((50, 2)) * 8
    assert sample_image(image, points) == pytest.approx(sample_image_reference(image, points), abs=1e-5)
    assert elsewhere == []


def test_a_gpu_that_fails_leaves_the_work_to_the_cpu(elsewhere, monkeypatch):
    monkeypatch.setattr(runtime, "_device", Device())
    wanted = generate()

    def fail(*_):
        raise RuntimeError("out of memory\nCUDA error 2")

    monkeypatch.setattr(runtime, "_device", ELSEWHERE)
    monkeypatch.setattr(runtime, "_launch_elsewhere", fail)
    made = generate()
    assert all(np.array_equal(made[name], pixels) for name, pixels in wanted.items())
    assert runtime.get_device() == Device(problem="The GPU failed (out of memory).")


@pytest.mark.skipif(sys.platform == "darwin", reason="Warp's compiler for CUDA is not part of its macOS wheel")
def test_every_kernel_compiles_for_cuda_without_a_gpu(tmp_path):
    for load in KERNELS:
        runtime.load_warp().compile_aot_module(load(), arch=80, module_dir=tmp_path, use_ptx=True)
    code = "".join(file.read_text() for file in tmp_path.glob("*.ptx"))
    assert all(name in code for name in ("resolve_samples", "sample_skin", "blend_texels", "paint_skin", "raise_skin"))


@pytest.mark.skipif(not HAS_CUDA, reason="there is no CUDA GPU")
def test_a_head_painted_by_cuda_is_the_cpus_but_for_rounding(monkeypatch):
    made = {}
    for choice in ("cpu", "cuda"):
        monkeypatch.setenv(VARIABLE, choice)
        monkeypatch.setattr(runtime, "_device", None)
        made[choice] = generate(1024)
        assert runtime.get_device().problem == ""
    for name, pixels in made["cpu"].items():
        apart = np.abs(pixels.astype(int) - made["cuda"][name])
        assert np.quantile(apart, 0.99) <= (2 if pixels.dtype == np.uint8 else 512), name

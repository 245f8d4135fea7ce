"""Gradients against float64 central differences: the kernels (float32) to 1e-4, the twin (float64) to far less."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is optional")

from differentiable_scene import SIZE, Scene, make_scene  # noqa: E402
from likeness.core.render import differentiable as dr  # noqa: E402

RELATIVE_ERROR = 1e-4
STEP = 1e-6
LEAVES = ("pos", "attr", "tex")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def shade(scene: Scene, backend: str) -> torch.Tensor:
    """A picture that uses everything but the outlines: textured, lit by a vertex attribute, with depth and derivatives."""
    dr_ = dr.load_backend(backend)
    rast, rast_db = dr_.rasterize(scene.pos, scene.tri, SIZE)
    attr, attr_da = dr_.interpolate(scene.attr, rast, scene.tri, rast_db, "all")
    smooth = dr_.texture(scene.tex, attr[..., :2], attr_da[..., :4], boundary_mode="clamp")
    sharp = dr_.texture(scene.tex, attr[..., :2], filter_mode="linear")
    return torch.cat([attr, attr_da, smooth * attr[..., 2:], sharp * attr[..., 2:], rast[..., :3], rast_db], -1)


def settled_pixels(scene: Scene, directions: dict[str, torch.Tensor]) -> torch.Tensor:
    """Pixels [B, H, W, 1] whose triangle, texel cell and mip level stay the same over the step."""
    with torch.no_grad():
        marks = []
        for sign in (-8, 8):
            moved = step_scene(scene, directions, sign * STEP)
            rast, rast_db = dr.rasterize(moved.pos, moved.tri, SIZE, backend="torch")
            attr, attr_da = dr.interpolate(moved.attr, rast, moved.tri, rast_db, "all", backend="torch")
            cells = torch.stack([(attr[..., :2] * side - 0.5).floor() for side in (1, 2, 4, 8, 16)], -1).flatten(-2)
            s, t = attr_da[..., :2] * 8, attr_da[..., 2:4] * 16
            ss, tt, st = (s * s).sum(-1), (t * t).sum(-1), (s * t).sum(-1)
            longer = (ss + tt) / 2 + (((ss - tt) / 2).square() + st * st).sqrt()
            level = (0.5 * longer.clamp_min(1e-12).log2()).clamp(-0.5, 4.5).floor()
            marks.append(torch.cat([rast[..., 3:], cells, level[..., None]], -1))
        return (marks[0] == marks[1]).all(-1, keepdim=True)


def step_scene(scene: Scene, directions: dict[str, torch.Tensor], step: float) -> Scene:
    return replace(scene, **{name: getattr(scene, name).detach() + step * d for name, d in directions.items()})


@pytest.mark.parametrize("leaf", LEAVES)
def test_derivatives_along_random_directions_equal_float64_differences(scene, leaf):
    generator = torch.Generator().manual_seed(5)
    exact = scene.to(torch.float64)
    weights = torch.randn(shade(exact, "torch").shape, generator=generator, dtype=torch.float64)
    ours, twins, differences = [], [], []
    for _ in range(8):
        direction = torch.randn(getattr(exact, leaf).shape, generator=generator, dtype=torch.float64)
        directions = {leaf: direction}
        settled = settled_pixels(exact, directions)
        assert settled.double().mean() > 0.9
        w = weights * settled
        with torch.no_grad():
            high, low = (shade(step_scene(exact, directions, s * STEP), "torch") for s in (1, -1))
        differences.append(((high - low) * w).sum() / (2 * STEP))
        for backend, dtype, results in (("warp", torch.float32, ours), ("torch", torch.float64, twins)):
            fresh = scene.to(dtype)
            (shade(fresh, backend) * w.to(dtype)).sum().backward()
            results.append((getattr(fresh, leaf).grad.double() * direction).sum())
    expected = torch.stack(differences)
    assert (torch.stack(twins) - expected).norm() <= 1e-6 * expected.norm()
    assert (torch.stack(ours) - expected).norm() <= RELATIVE_ERROR * expected.norm()


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_component_of_the_gradient_equals_the_float64_twin(scene, leaf):
    grads = []
    for backend, dtype in (("warp", torch.float32), ("torch", torch.float64)):
        fresh = scene.to(dtype)
        (picture := shade(fresh, backend)).backward(torch.cos(torch.arange(picture.numel())).reshape(picture.shape).to(dtype))
        grads.append(getattr(fresh, leaf).grad.double())
    assert (grads[0] - grads[1]).abs().max() <= RELATIVE_ERROR * grads[1].abs().max()


def test_outline_gradients_are_those_of_the_antialiased_picture(scene):
    """Positions and colours, by float64 differences of the blended picture where its outline edges stay the same."""
    exact = scene.to(torch.float64)
    rast, _ = dr.rasterize(exact.pos.detach(), exact.tri, SIZE, backend="torch")
    generator = torch.Generator().manual_seed(2)
    colour = torch.rand(*rast.shape[:3], 2, generator=generator, dtype=torch.float64)

    def blend(pos, image, backend="torch"):
        return dr.antialias(image, rast.to(pos.dtype), pos, exact.tri, backend=backend)

    direction = torch.randn(exact.pos.shape, generator=generator, dtype=torch.float64)
    tint = torch.randn(colour.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        high, low = (blend(exact.pos + s * STEP * direction, colour + s * STEP * tint) for s in (1, -1))
        far = [blend(exact.pos + s * 8 * STEP * direction, colour) for s in (1, -1)]
    smooth = ((far[0] - far[1]).abs() < 1e3 * STEP).all(-1, keepdim=True)
    w = torch.randn(colour.shape, generator=generator, dtype=torch.float64) * smooth
    expected = ((high - low) * w).sum() / (2 * STEP)
    for backend, dtype, tolerance in (("torch", torch.float64, 1e-6), ("warp", torch.float32, RELATIVE_ERROR)):
        pos, image = (t.detach().to(dtype).requires_grad_() for t in (exact.pos, colour))
        (blend(pos, image, backend) * w.to(dtype)).sum().backward()
        got = (pos.grad.double() * direction).sum() + (image.grad.double() * tint).sum()
        assert abs(pos.grad).max() > 0
        assert abs(got - expected) <= tolerance * abs(expected)

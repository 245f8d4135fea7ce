"""Outline gradients on the real head against differences of a supersampled picture, and what they are good for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is optional")

from likeness.core.head.library import get_model  # noqa: E402
from likeness.core.head.model import triangulate  # noqa: E402
from likeness.core.render import differentiable as dr  # noqa: E402
from likeness.core.render.camera import orbit_camera, resize  # noqa: E402
from likeness.core.render.differentiable.projection import clip_matrix  # noqa: E402
from likeness.core.render.differentiable.topology import build_topology, find_topology  # noqa: E402
from likeness.core.render.rasterize import interpolate, rasterize  # noqa: E402

README = Path(__file__).resolve().parents[2] / "README.md"
SIZE = 256
SUPERSAMPLE = 8
STEP_PX = 0.5
NUM_WEIGHTINGS = 12
TOLERANCE = 0.04


@pytest.fixture(scope="module")
def head():
    """vertices [V, 3] m, triangles [T, 3] (skin and eyes), smooth vertex colours [V, 3], the first identity shapes."""
    model = get_model()
    triangles = triangulate(model.faces[np.isin(model.face_parts, [0, 1, 2])]).astype(np.int32)
    vertices = model.template.astype(np.float64)
    return vertices, triangles, 0.5 + 0.25 * np.sin(40 * vertices + np.arange(3)), model.identity_basis[:2].astype(np.float64)


def smooth_weightings() -> np.ndarray:
    """Slow waves over the picture [N, SIZE, SIZE]: what a loss may ask of it."""
    rng = np.random.default_rng(7)
    y, x = np.meshgrid(*[np.arange(SIZE) / SIZE] * 2, indexing="ij")
    waves = [np.cos(2 * np.pi * (rng.uniform(-2, 2) * x + rng.uniform(-2, 2) * y) + rng.uniform(0, 6)) for _ in range(72)]
    return np.reshape(waves, (NUM_WEIGHTINGS, 6, SIZE, SIZE)).sum(1)


def supersampled(vertices, triangles, colours, camera) -> np.ndarray:
    """(coverage, summed colour) [2, SIZE, SIZE], by the product's own rasterizer at SUPERSAMPLE times the size."""
    raster = rasterize(vertices, triangles, resize(camera, (SIZE * SUPERSAMPLE,) * 2))
    shape = (SIZE, SUPERSAMPLE, SIZE, SUPERSAMPLE)
    coverage = raster.is_covered.reshape(shape).mean((1, 3))
    return np.stack([coverage, interpolate(colours, raster, triangles).sum(-1).reshape(shape).mean((1, 3))])


def gradients(vertices, triangles, colours, camera, weightings) -> np.ndarray:
    """Of every weighted sum by the vertices, [2, N, V, 3], through the kernels."""
    points = torch.tensor(vertices, dtype=torch.float32, requires_grad=True)
    clip = torch.tensor(clip_matrix(camera).T, dtype=torch.float32)
    pos = (torch.nn.functional.pad(points, (0, 1), value=1.0) @ clip)[None]
    tri = torch.tensor(triangles)
    rast, _ = dr.rasterize(pos, tri, (SIZE, SIZE))
    colour, _ = dr.interpolate(torch.tensor(colours, dtype=torch.float32), rast, tri)
    layers = torch.cat([(rast[..., 3:] > 0).float(), colour.sum(-1, keepdim=True)], -1)
    image = dr.antialias(layers, rast, pos, tri)[0]
    sums = torch.einsum("nyx,yxk->kn", torch.tensor(weightings, dtype=torch.float32), image).flatten()
    found = [torch.autograd.grad(s, points, retain_graph=True)[0].double().numpy() for s in sums]
    return np.reshape(found, (2, NUM_WEIGHTINGS, *vertices.shape))


@pytest.mark.slow
def test_outlines_pull_as_a_supersampled_picture_of_the_head_says(head):
    vertices, triangles, colours, shapes = head
    weightings, errors = smooth_weightings(), []
    for yaw in (0.0, 0.5, 1.2):
        camera = orbit_camera(vertices, (SIZE, SIZE), yaw)
        found = gradients(vertices, triangles, colours, camera, weightings)
        px_per_m = camera.K[0, 0] / np.linalg.norm(camera.t)
        sideways = np.tile(camera.R[0], (len(vertices), 1))
        about_neck = np.cross([0.0, 1.0, 0.0], vertices - vertices.mean(0))
        for direction in (sideways, about_neck, vertices - vertices.mean(0), shapes[0]):
            step = STEP_PX / px_per_m / np.abs(direction).max()
            high, low = (supersampled(vertices + s * step * direction, triangles, colours, camera) for s in (1, -1))
            expected = np.einsum("kyx,nyx->kn", (high - low) / (2 * step), weightings)
            got = np.einsum("knvc,vc->kn", found, direction)
            recovered = (got * expected).sum(1) / (expected**2).sum(1)
            assert np.abs(recovered - 1).max() <= TOLERANCE
            errors.append(np.linalg.norm(got - expected, axis=1) / np.linalg.norm(expected, axis=1))
    assert np.sqrt(np.mean(np.square(errors), 0)).max() <= TOLERANCE


def test_blending_brings_the_outline_nearer_to_the_true_coverage(head):
    vertices, triangles, colours, _ = head
    camera = orbit_camera(vertices, (SIZE, SIZE), 0.5)
    truth = supersampled(vertices, triangles, colours, camera)[0]
    clip = np.column_stack([vertices, np.ones(len(vertices))]) @ clip_matrix(camera).T
    pos, tri = torch.tensor(clip[None], dtype=torch.float32), torch.tensor(triangles)
    rast, _ = dr.rasterize(pos, tri, (SIZE, SIZE))
    sharp = (rast[..., 3:] > 0).float()
    blended = dr.antialias(sharp, rast, pos, tri)
    errors = [np.linalg.norm(image[0, ..., 0].numpy() - truth) for image in (sharp, blended)]
    assert errors[1] < 0.25 * errors[0]


def test_the_inside_of_a_surface_stays_as_it_is(head):
    """Neighbouring pixels of one smooth surface show different triangles; that is no outline."""
    vertices, triangles, _, _ = head
    camera = orbit_camera(vertices, (64, 64))
    clip = np.column_stack([vertices, np.ones(len(vertices))]) @ clip_matrix(camera).T
    pos, tri = torch.tensor(clip[None], dtype=torch.float32), torch.tensor(triangles)
    rast, _ = dr.rasterize(pos, tri, (64, 64))
    noise = torch.rand(1, 64, 64, 1)
    changed = (dr.antialias(noise, rast, pos, tri) != noise)[0, ..., 0]
    assert changed.any()
    assert not changed[8:18, 26:38].any()  # the forehead


def test_the_same_rasterizer_sees_the_same_as_the_products_own(head):
    vertices, triangles, _, _ = head
    camera = orbit_camera(vertices, (SIZE, SIZE), 0.5)
    clip = np.column_stack([vertices, np.ones(len(vertices))]) @ clip_matrix(camera).T
    rast, _ = dr.rasterize(torch.tensor(clip[None], dtype=torch.float32), torch.tensor(triangles), (SIZE, SIZE))
    raster = rasterize(vertices, triangles, camera)
    assert np.mean(rast[0, ..., 3].numpy().astype(int) - 1 != raster.triangle_id) < 1e-4


def test_the_example_in_the_readme_fits_an_identity_to_a_silhouette():
    example = next(block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "dr.antialias" in block)
    assert len(example.splitlines()) < 25
    names: dict = {}
    torch.manual_seed(0)
    exec(example.replace("128", "64"), names)
    start = (names["silhouette"](torch.zeros(20)) - names["target"]).square().mean()
    assert names["loss"] < 0.1 * start


def test_a_topology_pairs_edges_and_leaves_edges_of_three_triangles_open():
    tri = torch.tensor([[0, 1, 2], [2, 1, 3], [4, 5, 6], [5, 4, 7], [4, 5, 8]], dtype=torch.int32)
    topology = build_topology(tri)
    assert topology.num_vertices == 9
    assert topology.neighbours.tolist() == [[-1, 3 * 1 + 0, -1], [3 * 0 + 1, -1, -1], [-1] * 3, [-1] * 3, [-1] * 3]


def test_a_topology_is_remembered_until_its_triangles_change():
    tri = torch.tensor([[0, 1, 2], [2, 1, 3]], dtype=torch.int32)
    first = find_topology(tri)
    assert find_topology(tri) is first
    tri[1, 2] = 7
    assert find_topology(tri).num_vertices == 8

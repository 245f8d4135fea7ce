"""The atlas of the built head: what every texture on it relies on."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.config import ASSETS_DIR
from likeness.core.head.build.flatten import flatten_disc, signed_areas, split_quads
from likeness.core.head.build.texels import find_texels
from likeness.core.head.build.uv import MARGIN_PX, pack_skyline, uv_islands
from likeness.core.head.model import load_model, triangulate
from scipy.ndimage import maximum_filter, minimum_filter

SIZE = 2048


@pytest.fixture(scope="module")
def model():
    return load_model(ASSETS_DIR / "embedded_head.npz")


@pytest.fixture(scope="module")
def texels(model):
    return find_texels(model.uvs.astype(float), model.face_uvs, SIZE)


def face_of_skin(model) -> np.ndarray:
    """Faces [F] from hairline to chin and ear to ear."""
    region = model.regions["face"]
    corners = np.where(model.faces >= 0, model.faces, model.faces[:, :1])
    return (model.face_parts == 0) & (region[corners].min(1) > 0.5)


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=-1)


def test_no_triangle_is_flipped_or_flat(model):
    triangles, _ = split_quads(model.face_uvs)
    assert signed_areas(model.uvs.astype(float), triangles).min() * SIZE**2 > 0.02


def test_all_coordinates_lie_in_the_square(model):
    assert model.uvs.min() > 0
    assert model.uvs.max() < 1


def test_no_texel_belongs_to_two_faces(texels):
    assert texels.overlaps == 0


def test_charts_keep_the_margin(model, texels):
    number = np.full(len(model.uvs), -1)
    for k, island in enumerate(uv_islands(model.face_uvs)):
        number[island] = k
    labels = texels.image(number[model.face_uvs[texels.faces, 0]], -1)
    low = minimum_filter(np.where(labels < 0, 10**6, labels), MARGIN_PX + 1)
    high = maximum_filter(labels, MARGIN_PX + 1)
    assert not np.any((high >= 0) & (low != high))


def test_the_face_has_its_share_of_the_square(model):
    triangles = triangulate(model.face_uvs[face_of_skin(model)])
    assert signed_areas(model.uvs.astype(float), triangles).sum() >= 0.35


def test_the_face_is_little_stretched(model):
    chosen = face_of_skin(model)
    triangles, charts = triangulate(model.faces[chosen]), triangulate(model.face_uvs[chosen])
    weight = areas(model.template, triangles)
    edges = np.stack([model.template[triangles[:, k]] - model.template[triangles[:, 0]] for k in (1, 2)], 2)
    flat = np.stack([model.uvs[charts[:, k]] - model.uvs[charts[:, 0]] for k in (1, 2)], 2).astype(float)
    local = np.linalg.qr(edges.astype(float))[1]
    singular = np.linalg.svd(flat @ np.linalg.inv(local), compute_uv=False) * SIZE / 1000
    order = np.argsort(ratio := singular[:, 0] / singular[:, 1])
    share = np.cumsum(weight[order]) / weight.sum()
    median, worst = (ratio[order][np.searchsorted(share, level)] for level in (0.5, 0.95))
    assert median < 1.5
    assert worst < 2.6
    assert np.average(singular.prod(1) ** 0.5, weights=weight) > 5.0, "texels per millimetre"


def test_the_sheet_is_symmetric(model):
    used = model.uvs[np.unique(model.face_uvs[face_of_skin(model)])]
    mirrored = used * np.array([-1, 1]) + np.array([1, 0])
    distance = np.linalg.norm(used[:, None] - mirrored[None], axis=2).min(1)
    assert distance.max() * SIZE < 0.01


def test_an_iris_is_at_least_110_texels_wide(model):
    for side in ("left", "right"):
        mask = model.base_textures["iris"] > 127
        mask &= model.base_textures["parts"] == model.part_names.index(f"{side}_eye")
        columns = np.flatnonzero(mask.any(0))
        assert np.ptp(columns) + 1 >= 110


def test_the_label_map_agrees_with_the_faces(model, texels):
    labels = model.base_textures["parts"][texels.rows, texels.columns]
    parts = model.face_parts[texels.faces]
    assert np.array_equal(labels[parts > 0], parts[parts > 0])
    assert set(np.unique(labels[parts == 0])) == {0, 9, 10}


def test_a_hemisphere_flattens_without_a_flip():
    n = 12
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
    z = 1.4 * np.exp(-2.5 * (x**2 + y**2))
    index = np.arange(n * n).reshape(n, n)
    faces = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    used, uv = flatten_disc(np.stack([x, y, z], -1).reshape(-1, 3), faces)
    triangles, _ = split_quads(np.searchsorted(used, faces))
    assert signed_areas(uv, triangles).min() > 0


def test_packed_boxes_do_not_touch():
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 40, (60, 2))
    corners = pack_skyline(sizes, 200, 300)
    field = np.zeros((200, 300), int)
    for (x, y), (w, h) in zip(corners, sizes, strict=True):
        field[x : x + w, y : y + h] += 1
    assert field.max() == 1
    assert pack_skyline(sizes, 100, 100) is None

"""Pores, skin's fine pattern and the lines of age: metric, of one person at every size and age, without seams, on skin alone."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.canvas import get_canvas
from likeness.core.appearance.face_map import get_face_map
from likeness.core.appearance.parameters import RANGES, Appearance, sample_appearance
from likeness.core.appearance.relief import FLAT_NORMAL, TexelFrames, decode_displacement, normal_map
from likeness.core.appearance.skin_relief import frames_of_triangles, get_relief_canvas, paint_relief, raise_relief, tilt_relief
from likeness.core.appearance.surface_maps import LEAST_LOBE, take_slopes
from likeness.core.appearance.wrinkles import SITES, Pen, draw_creases, draw_eye, draw_forehead, draw_middle
from likeness.core.config import ASSETS_DIR
from likeness.core.export_glb import export_glb
from likeness.core.generation import generate_head
from likeness.core.head.library import get_model
from likeness.core.pipeline import run
from likeness.core.render.rasterize import interpolate

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SIZE = 1024
YOUNG, OLD = Appearance(age=21.0, seed=14), Appearance(age=76.0, seed=14)
MICRON = 1e-6


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def heights(model):
    return {name: raise_relief(model, person, SIZE) for name, person in (("young", YOUNG), ("old", OLD))}


def where(model, field: str, least: float = 0.6) -> np.ndarray:
    """Which texels [SIZE, SIZE] lie well within a field of the face map."""
    canvas = get_canvas(model, SIZE)
    skin = np.zeros(SIZE * SIZE, bool)
    skin[canvas.skin] = True
    return (interpolate(getattr(get_face_map(model), field), canvas.raster, canvas.triangles) > least) & skin.reshape(SIZE, SIZE)


def test_skin_rises_and_falls_by_micrometres_and_folds_by_less_than_a_millimetre(model, heights):
    assert np.abs(heights["young"]).max() < 350 * MICRON
    assert 400 * MICRON < np.abs(heights["old"]).max() < 1500 * MICRON
    for field in ("cheek", "nose", "chin", "forehead"):
        assert 3 * MICRON < heights["young"][where(model, field)].std() < 40 * MICRON, field


def test_no_setting_leaves_the_maps_range(model):
    extreme = Appearance(age=RANGES["age"][1], pores=RANGES["pores"][1], wrinkles=RANGES["wrinkles"][1], seed=3)
    assert np.abs(raise_relief(model, extreme, 512)).max() < 3.9e-3


def test_without_pores_and_wrinkles_the_skin_is_smooth(model):
    bare = Appearance(pores=0.0, wrinkles=0.0, stubble=0.0, scalp_stubble=0.0, age=70.0)
    assert not raise_relief(model, bare, 512).any()


def test_lines_deepen_with_age(model):
    people = [sample_appearance(np.random.default_rng((3, k)), age=50.0) for k in range(8)]
    depths = np.array([
        [draw_creases(model, replace(person, age=age)).sizes[:, 0].sum() for age in (20.0, 35.0, 50.0, 65.0, 80.0)]
        for person in people
    ])  # fmt: skip
    assert (np.diff(depths, axis=1) > 0).all()
    assert (depths[:, -1] > 4 * depths[:, 0]).all()


@pytest.mark.parametrize("seed", range(12))
def test_the_young_have_no_lines_but_the_natural_creases(model, seed):
    pen = Pen(Appearance(age=20.0, seed=seed, wrinkles=RANGES["wrinkles"][1]))
    eye, points = 1000 * get_face_map(model).eyes[0], 1000 * model.landmarks7.evaluate(get_face_map(model).places)
    draw_forehead(pen, eye)
    assert pen.creases == []
    draw_eye(pen, 1.0, eye, points)
    draw_middle(pen, eye, points)
    assert all(SITES[crease.site].young > 0 for crease in pen.creases)
    old = Pen(Appearance(age=70.0, seed=seed))
    draw_eye(old, 1.0, eye, points)
    assert any(SITES[crease.site].young == 0 for crease in old.creases)


def test_crows_feet_are_as_deep_as_published(model, heights):
    """.2 to .35 mm at 60 to 70 years, nothing at 20; within 6 to 20 mm of the outer corner."""
    canvas = get_canvas(model, SIZE)
    corner = model.landmarks7.evaluate(model.template)[3]
    places = interpolate(model.template, canvas.raster, canvas.triangles)
    distance = np.linalg.norm(places - corner, axis=-1)
    near = canvas.raster.is_covered & (distance > 0.006) & (distance < 0.020) & (places[..., 0] > corner[0] + 0.004)
    deepest = [-np.percentile(raise_relief(model, Appearance(age=65.0, seed=seed), SIZE)[near], 0.5) for seed in range(5)]
    assert 0.12e-3 < np.mean(deepest) < 0.40e-3
    assert -np.percentile(heights["young"][near], 0.5) < 0.08e-3


def test_a_person_grows_older_and_does_not_become_another(model, heights):
    older = raise_relief(model, replace(OLD, age=85.0), SIZE)
    other = raise_relief(model, replace(OLD, seed=15), SIZE)
    face = where(model, "forehead") | where(model, "cheek")
    assert np.corrcoef(heights["old"][face], older[face])[0, 1] > 0.9
    assert abs(np.corrcoef(heights["old"][face], other[face])[0, 1]) < 0.4


def test_both_sides_have_lines_of_their_own(model):
    starts = draw_creases(model, OLD).starts[:-1, :3]
    left, right = starts[starts[:, 0] > 0.025], starts[starts[:, 0] < -0.025] * [-1, 1, 1]
    assert 0.7 < len(left) / len(right) < 1.4
    nearest = np.linalg.norm(left[:, None] - right[None], axis=-1).min(1)
    assert 0.0003 < np.median(nearest) < 0.004


def test_the_same_person_at_every_size(model):
    small, large = (raise_relief(model, OLD, size) for size in (1024, 2048))
    reduced = large.reshape(1024, 2, 1024, 2).mean((1, 3))
    face = where(model, "cheek", 0.3) | where(model, "forehead", 0.3) | where(model, "lid", 0.3)
    assert np.corrcoef(small[face], reduced[face])[0, 1] > 0.9
    assert np.abs(small - reduced)[face].mean() < 20 * MICRON


def test_a_larger_texture_shows_more_of_the_fine_pattern(model):
    fine = []
    for size in (1024, 2048):
        height = raise_relief(model, YOUNG, size)
        scale = size // SIZE
        mask = np.kron(where(model, "cheek"), np.ones((scale, scale), bool))
        fine.append(np.diff(height, axis=1)[mask[:, 1:]].std() * size)
    assert fine[1] > 1.4 * fine[0]


@pytest.mark.parametrize("person", [YOUNG, OLD], ids=["young", "old"])
def test_both_sides_of_a_seam_are_as_high(model, person):
    """Along every edge that two charts share, a texel within either."""
    size = 2048
    height, canvas = raise_relief(model, person, size), get_canvas(model, size)
    first: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    pairs = []
    visible = get_relief_canvas(model, canvas).skin
    has_relief = np.zeros(size * size, bool)
    has_relief[visible] = True
    for corners, uv_corners in zip(canvas.triangles, canvas.uv_triangles, strict=True):
        for a, b in ((0, 1), (1, 2), (2, 0)):
            ends, uvs = corners[[a, b]], model.uvs[uv_corners[[a, b]]]
            if ends[0] > ends[1]:
                ends, uvs = ends[::-1], uvs[::-1]
            key = (int(ends[0]), int(ends[1]))
            if key in first and np.abs(first[key] - uvs).max() > 1e-6:
                pairs.append((first[key], uvs))
            first.setdefault(key, uvs)
    assert len(pairs) > 50
    share = np.linspace(0.1, 0.9, 9)[:, None]
    sides = [np.concatenate([pair[k][0] * (1 - share) + pair[k][1] * share for pair in pairs]) for k in (0, 1)]
    values, known = [], np.ones(len(sides[0]), bool)
    for uv in sides:
        column, row = (uv[:, 0] * size).astype(int), ((1 - uv[:, 1]) * size).astype(int)
        around = has_relief.reshape(size, size)
        known &= np.logical_or.reduce([around[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
        values.append(height[row, column])
    assert known.sum() > 150
    apart = np.abs(values[0] - values[1])[known]
    assert np.percentile(apart, 90) < 25 * MICRON
    assert np.median(apart) < 8 * MICRON


def test_borders_carry_on_beside_the_charts(model, heights):
    own = get_relief_canvas(model, get_canvas(model, SIZE))
    flat = heights["old"].reshape(-1)
    assert len(own.border) > 1000
    assert (flat[own.border] == flat[own.source]).all()
    assert np.abs(own.border // SIZE - own.source // SIZE).max() <= 3
    assert np.abs(own.border % SIZE - own.source % SIZE).max() <= 3


def test_eyes_teeth_and_tongue_have_none(model):
    canvas = get_canvas(model, SIZE)
    maps = paint_relief(model, model.template, OLD, SIZE)
    skin = np.zeros(SIZE * SIZE, bool)
    skin[canvas.skin] = True
    other = canvas.raster.is_covered & ~skin.reshape(SIZE, SIZE)
    assert other.sum() > 10_000
    assert np.abs(decode_displacement(maps["displacement"])[other]).max() < 0.1 * MICRON
    assert (maps["normal"][other] == FLAT_NORMAL).all()


def test_the_fast_normals_are_the_plain_ones(model, heights):
    canvas = get_canvas(model, SIZE)
    frames = frames_of_triangles(model.template, canvas.triangles, model.uvs, canvas.uv_triangles)
    texels = TexelFrames(*np.moveaxis(frames[np.maximum(canvas.raster.triangle_id, 0)], -1, 0), canvas.raster.is_covered)
    fast, plain = tilt_relief(model, model.template, heights["old"]), normal_map(heights["old"], texels)
    seen = get_relief_canvas(model, canvas).skin
    apart = np.abs(fast.reshape(-1, 3)[seen].astype(int) - plain.reshape(-1, 3)[seen])
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01


def test_the_same_numbers_give_the_same_bytes(model):
    first = paint_relief(model, model.template, OLD, 512)
    paint_relief(model, model.template, YOUNG, 512)
    again = paint_relief(model, model.template, OLD, 512)
    assert all((first[name] == again[name]).all() for name in ("displacement", "normal"))


def test_roughness_gives_to_the_normals_what_they_show(model):
    rough = np.full((256, 256), 133, np.uint8)
    flat = np.empty((512, 512, 3), np.uint8)
    flat[:] = FLAT_NORMAL
    assert (take_slopes(rough, flat) == rough).all()
    bumpy = flat.copy()
    bumpy[:, ::2, 0] += 20
    bumpy[:, 1::2, 0] -= 20
    less = take_slopes(rough, bumpy)
    assert (less < rough).all()
    assert less.min() >= np.floor(LEAST_LOBE * 133)
    whole, shown = (133 / 255) ** 4, (20 / 127.5) ** 2
    assert less[128, 128] == pytest.approx(255 * (whole - shown) ** 0.25, abs=1.5)


def test_a_glb_carries_the_normals_and_the_roughness(tmp_path):
    asset = run(generate_head(5, texture_size=512))
    assert asset.textures["displacement"].pixels.dtype == np.uint16
    assert asset.textures["normal"].pixels.shape == (512, 512, 3)
    export_glb(asset, tmp_path / "person.glb")
    data = (tmp_path / "person.glb").read_bytes()
    content = json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])
    skins = [material for material in content["materials"] if "normalTexture" in material]
    assert len(skins) == 1
    assert "metallicRoughnessTexture" in skins[0]["pbrMetallicRoughness"]

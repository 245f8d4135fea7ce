"""A person's numbers read back from skin whose truth is known, and what is painted where nothing was seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.albedo import paint_albedo, skin_colour, vertex_colours
from likeness.core.appearance.estimate import NAMES, SPREAD, estimate_appearance
from likeness.core.appearance.face_map import get_face_map
from likeness.core.appearance.parameters import Appearance, sample_appearance
from likeness.core.appearance.skin import lightness_and_hues
from likeness.core.config import ASSETS_DIR
from likeness.core.fit.atlas import get_atlas
from likeness.core.fit.dome import NUM_LAMPS
from likeness.core.fit.light import SkinLight
from likeness.core.fit.texels import gather
from likeness.core.fit.texture import look_at_skin, paint_sight
from likeness.core.head.library import get_model
from likeness.core.head.model import triangulate
from likeness.core.render.camera import orbit_camera
from likeness.core.render.rasterize import interpolate
from likeness.core.render.shading import ambient_light, render_head, srgb_to_linear
from likeness.core.types import Photo

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
SIZE = 512


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def face(model):
    return get_face_map(model)


def sample(seed: int) -> Appearance:
    """A random person of middling melanin: on the palest and the deepest skin zones differ too little to be read."""
    person = sample_appearance(np.random.default_rng((11, seed)))
    return replace(person, melanin=float(np.clip(person.melanin, 0.8, 3.0)), age=30.0, stubble=0.0, scalp_stubble=0.0)


def frontal(model) -> np.ndarray:
    return (model.template[:, 2] > 0.03).astype(float)


def read(model, face, colour: np.ndarray, weight: np.ndarray, skin: np.ndarray) -> Appearance:
    return estimate_appearance(colour, weight, get_atlas(model, SIZE).zones.feature, skin, face)


@pytest.mark.parametrize("seed", range(6))
def test_clean_skin_gives_the_persons_numbers(model, face, seed):
    person = sample(seed)
    found = read(model, face, vertex_colours(person, face), frontal(model), skin_colour(person))
    for name, spread in zip(NAMES, SPREAD, strict=True):
        true, value, usual = (getattr(a, name) for a in (person, found, Appearance()))
        if name == "melanin":
            true, value, usual = np.log((true, value, person.melanin))
        assert abs(value - true) < 0.7 * abs(usual - true) + 0.2 * spread, name
    wanted, got = (vertex_colours(a, face)[face.lip > 0.9].mean(0) for a in (person, found))
    assert np.abs(np.log(got / wanted)).max() < 0.15


def test_what_is_read_is_nearer_than_what_is_usual_under_a_smooth_error_of_the_light(model, face):
    off = {"usual": [], "read": []}
    for seed in range(10):
        person = sample(seed)
        rng = np.random.default_rng(seed)
        tilt = model.template @ rng.normal(0, 0.7, 3)
        colour = vertex_colours(person, face) * np.exp(tilt - np.median(tilt))[:, None]
        found = read(model, face, colour, frontal(model), skin_colour(person))
        for name in ("zone_contrast", "flush_cheeks", "flush_nose"):
            off["usual"].append((getattr(Appearance(), name) - getattr(person, name)) / SPREAD[NAMES.index(name)])
            off["read"].append((getattr(found, name) - getattr(person, name)) / SPREAD[NAMES.index(name)])
    assert np.sqrt(np.mean(np.square(off["read"]))) < 0.9 * np.sqrt(np.mean(np.square(off["usual"])))


def test_nothing_seen_leaves_what_is_usual_on_the_lights_skin(model, face):
    person = sample(3)
    nothing = np.zeros(len(model.template))
    found = read(model, face, np.zeros((len(nothing), 3)), nothing, skin_colour(person))
    assert np.log(found.melanin / person.melanin) == pytest.approx(0, abs=0.02)
    usual = replace(Appearance(), melanin=found.melanin, blood=found.blood, hair_eumelanin=found.hair_eumelanin)
    usual = replace(usual, moles=0.0, brow_density=0.0)
    assert found == usual


def test_colours_at_the_vertices_are_the_painted_ones_from_afar(model, face):
    for seed in (1, 4):
        person = replace(sample(seed), freckles=0.0, moles=0.0)
        atlas = get_atlas(model, SIZE)
        index = np.flatnonzero(atlas.texels.triangle_id >= 0)
        painted = srgb_to_linear(paint_albedo(model, person, SIZE).reshape(-1, 3)[index] / 255).astype(np.float32)
        sums, share = gather(atlas.texels, atlas.triangles, index, painted, np.ones(len(index), np.float32), len(model.template))
        plain = (share > 1) & (atlas.zones.feature < 0.01) & (atlas.inner < 0) & (face.inside < 0.01)
        lips = (share > 1) & (face.lip > 0.9) & (face.inside < 0.02)
        expected = vertex_colours(person, face)
        for part in (plain, lips):
            ratio = np.median(sums[part] / share[part, None] / expected[part], 0)
            assert np.abs(np.log(ratio)).max() < 0.08


def test_hidden_skin_is_painted_as_the_persons_own(model, face):
    """A frontal photo in even light: ears, neck and scalp come out nearer to the truth than one tone for all would be."""
    person = replace(sample(2), melanin=0.5, flush_ears=0.35, freckles=0.0, moles=0.0)
    truth = paint_albedo(model, person, SIZE)
    camera = orbit_camera(model.template, (320, 320), 0.0, focal_35mm=85)
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    pixels = render_head(model.template, triangles, model.uvs, uv_triangles, truth, camera, ambient_light(), supersample=2)
    sight = look_at_skin(Photo(pixels, None, None, "x", ""), camera, model.template, model, SIZE, even_light(person))
    painting = paint_sight(sight)
    atlas = get_atlas(model, SIZE)
    on_skin = np.append(atlas.is_skin, False)[atlas.texels.triangle_id].reshape(SIZE, SIZE)
    one_tone = np.median(painting.albedo[on_skin & (painting.confidence > 200)], 0)
    off, flat = [], []
    for zone in (face.ear, face.neck, face.scalp):
        hidden = on_skin & (painting.confidence == 0)
        index = np.flatnonzero(hidden)
        hidden.reshape(-1)[index] = interpolate(zone, atlas.texels.select(index), atlas.triangles) > 0.6
        true, found = (lab_of(np.median(a[hidden], 0)) for a in (truth, painting.albedo))
        off.append(np.linalg.norm(found - true))
        flat.append(np.linalg.norm(lab_of(one_tone) - true))
    assert np.mean(off) < 0.6 * np.mean(flat)
    assert painting.appearance.melanin == pytest.approx(person.melanin, rel=0.25)


def lab_of(colour: np.ndarray) -> np.ndarray:
    return lightness_and_hues(srgb_to_linear(colour / 255.0))


def even_light(person: Appearance) -> SkinLight:
    lamps = np.full((NUM_LAMPS, 3), 4 / NUM_LAMPS)
    return SkinLight(ambient_light(), skin_colour(person), np.array([0.06, 0.03, 0.03]), lamps, 5.0, gloss=0.0)

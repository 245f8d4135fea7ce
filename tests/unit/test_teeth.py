"""Teeth from the photo: known colours are read better than the base guesses, and what is no tooth is not believed."""

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.appearance.skin import lightness_and_hues
from likeness.core.fit.atlas import get_atlas
from likeness.core.fit.light import fit_skin_light
from likeness.core.fit.mouth_paint import (
    BASE_TONE,
    BASIS,
    GUM_TINT,
    LIGHT_BIAS,
    LIGHT_SD,
    MUCOSA_LIGHT_BIAS,
    TEETH,
    TONED_CONFIDENCE,
    TOOTH_MEAN,
    TOOTH_RANGE,
    MouthPixels,
    MouthTone,
    base_paint,
    describe_mouth,
    find_mouth_tone,
    light_past_lips,
    paint_mouth,
    read_mucosa,
    read_teeth,
    tone_vertices,
)  # fmt: skip
from likeness.core.fit.shading_field import lamp_shading
from likeness.core.fit.skin_mask import show_through
from likeness.core.fit.surface import pose_surface
from likeness.core.fit.texture import bake_texture
from likeness.core.head.library import get_model
from likeness.core.render.camera import orbit_camera
from likeness.core.render.shading import KeyLight, ambient_light, render_head
from likeness.core.types import HeadCode, Photo

GUIDE = np.array(
    [[0.606, 0.560, 0.418], [0.591, 0.477, 0.304], [0.481, 0.376, 0.221], [0.417, 0.329, 0.202], [0.528, 0.425, 0.245]]
)
"""Linear colours of A1, A3, A4, C4 and B4 of the VITA classical guide (O'Brien et al. 1990)."""
SMILE = {"jawOpen": 0.2, "mouthSmile": 0.6, "mouthUpperUp": 0.4, "mouthLowerDown": 0.4}


@pytest.fixture(scope="module")
def model():
    return get_model()


@pytest.fixture(scope="module")
def atlas(model):
    return get_atlas(model, 1024)


@pytest.fixture(scope="module")
def enamel(atlas):
    """The base's linear colour of teeth [3]."""
    paint = base_paint(atlas)
    return np.median(paint[np.isin(atlas.inner, TEETH) & (np.log(paint) @ BASIS[1] < GUM_TINT)], 0)


def pose(model, identity: np.ndarray, **units: float) -> np.ndarray:
    weights = [units.get(name.removesuffix("Left").removesuffix("Right"), 0.0) for name in model.expression_names]
    return np.asarray(model.pose(HeadCode(identity, np.array(weights), np.zeros(15))), float)


def photograph(model, atlas, posed: np.ndarray, tone: MouthTone, rng: np.random.Generator):
    """The base's skin and toned teeth from about the front, a lamp somewhere before them."""
    albedo = atlas.base.copy()
    paint_mouth(albedo, atlas, tone)
    camera = orbit_camera(posed, (512, 512), rng.uniform(-0.3, 0.3), focal_35mm=85)
    surface = pose_surface(posed, atlas, camera)
    openness = surface.occluder.openness(posed + 5e-4 * surface.normals, surface.normals, 16)
    key = KeyLight(np.array([rng.normal(0, 0.5), rng.uniform(0, 0.7), 1.0]), rng.uniform(0.4, 0.6, 3), 0.2, 8)
    pixels = render_head(
        posed, atlas.opaque, model.uvs, atlas.uv_triangles[atlas.is_opaque], albedo, camera,
        ambient_light(rng.uniform(0.4, 0.5, 3)), openness=openness, key=key, occluder=surface.occluder,
        normals=surface.normals, supersample=2,
    )  # fmt: skip
    return Photo(pixels, None, None, "head", ""), camera


def read_tone(model, atlas, posed: np.ndarray, photo: Photo, camera) -> MouthTone:
    surface, light = pose_surface(posed, atlas, camera), fit_skin_light(photo, camera, posed, model)
    shading = lamp_shading(surface, atlas, camera, light)
    return find_mouth_tone(
        photo, camera, surface, atlas, light_past_lips(shading.diffuse, shading.unshadowed), light.skin_linear_rgb
    )


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """CIE 1976 colour difference of two linear colours."""
    return float(np.linalg.norm(lightness_and_hues(a) - lightness_and_hues(b)))


def tooth_texels(atlas) -> tuple[np.ndarray, np.ndarray]:
    """The base's bytes [N, 3] and which of its texels are enamel [N]."""
    base = atlas.base.reshape(-1, 3).astype(int)
    on_teeth = np.append(np.isin(atlas.inner[atlas.triangles[:, 0]], TEETH), False)[atlas.texels.triangle_id]
    return base, on_teeth & (base[:, 0] - base[:, 1] < 25) & (base[:, 1] > 100)


def test_known_teeth_are_read_much_nearer_than_the_bases(model, atlas, enamel):
    errors = []
    for number, true in enumerate(GUIDE):
        rng = np.random.default_rng(70 + number)
        posed = pose(model, 0.7 * rng.normal(size=model.num_identity), **SMILE)
        photo, camera = photograph(model, atlas, posed, MouthTone(true / enamel, np.ones(3)), rng)
        tone = read_tone(model, atlas, posed, photo, camera)
        assert tone.sees_teeth
        errors.append((difference(enamel * tone.teeth, true), difference(enamel, true)))
    read, guessed = np.median(errors, 0)
    assert read < 7
    assert read < 0.65 * guessed


def test_a_closed_mouth_leaves_the_teeth_alone(model, atlas):
    rng = np.random.default_rng(5)
    posed = pose(model, rng.normal(size=model.num_identity))
    photo, camera = photograph(model, atlas, posed, BASE_TONE, rng)
    tone = read_tone(model, atlas, posed, photo, camera)
    assert not tone.sees_teeth
    assert (tone.teeth == 1).all()
    albedo, confidence = bake_texture(photo, camera, posed, model, 512)
    base, is_tooth = tooth_texels(get_atlas(model, 512))
    assert np.array_equal(albedo.reshape(-1, 3)[is_tooth], base[is_tooth])
    assert confidence.reshape(-1)[is_tooth].max() == 0


def test_seen_teeth_are_toned_all_and_rated_so(model, atlas, enamel):
    rng = np.random.default_rng(6)
    posed = pose(model, np.zeros(model.num_identity), **SMILE)
    photo, camera = photograph(model, atlas, posed, MouthTone(GUIDE[2] / enamel, np.ones(3)), rng)
    albedo, confidence = bake_texture(photo, camera, posed, model, 512)
    base, is_tooth = tooth_texels(get_atlas(model, 512))
    assert (confidence.reshape(-1)[is_tooth] == TONED_CONFIDENCE).all()
    darker = base[is_tooth] - albedo.reshape(-1, 3)[is_tooth]
    assert (darker.mean(1) > 4).all()
    assert darker[:, 2].mean() > darker[:, 0].mean() + 5


def pixels_of(tooth: np.ndarray, count: int = 60, **changes) -> MouthPixels:
    """Pixels that show the linear colour `tooth` as a mouth's light has it."""
    seen = np.tile(BASIS @ np.log(tooth) + LIGHT_BIAS, (count, 1))
    paint = np.tile(BASIS @ np.log([0.62, 0.55, 0.43]), (count, 1))
    return replace(MouthPixels(seen, paint, np.ones(count), np.ones(count, bool), np.zeros(count, bool)), **changes)


def test_lips_and_the_dark_where_teeth_should_be_are_no_teeth():
    assert read_teeth(pixels_of(GUIDE[0])) is not None
    assert read_teeth(pixels_of(np.array([0.45, 0.19, 0.16]))) is None
    assert read_teeth(pixels_of(np.array([0.03, 0.025, 0.02]))) is None
    assert read_teeth(pixels_of(GUIDE[0], 10)) is None
    half = pixels_of(GUIDE[0])
    half.albedo[:35] = BASIS @ np.log([0.45, 0.19, 0.16])
    assert read_teeth(half) is None


@pytest.mark.parametrize("beyond", [(1.9, 0, 0), (-0.9, 0, 0), (0, 0, 1.9), (0, -0.9, 0)])
def test_teeth_stay_what_teeth_are(beyond):
    """As far out as is still believed: so many deviations of the light beyond the range, level, red, yellow."""
    step = np.array(beyond)
    edge = np.where(step > 0, TOOTH_RANGE[1], np.where(step < 0, TOOTH_RANGE[0], TOOTH_MEAN))
    pixels = pixels_of(np.exp(np.linalg.solve(BASIS, edge + step * LIGHT_SD)))
    read = read_teeth(pixels)
    assert read is not None
    tone = BASIS @ read + pixels.paint[0]
    assert (tone > TOOTH_RANGE[0] - 1e-9).all()
    assert (tone < TOOTH_RANGE[1] + 1e-9).all()
    assert np.abs(tone - edge - step * LIGHT_SD).max() > 0.03


def test_burnt_pixels_make_teeth_lighter_and_no_whiter():
    seen = pixels_of(GUIDE[1])
    burnt = pixels_of(GUIDE[1])
    burnt.albedo[20:] += [0.2, -0.2, -0.4]
    burnt.is_burnt[20:] = True
    plain, bright = (BASIS @ read_teeth(p) for p in (seen, burnt))
    assert bright[0] > plain[0] + 0.05
    assert bright[2] > plain[2] - 0.06


def test_gums_and_tongue_move_little_and_only_where_seen():
    pixels = pixels_of(np.array([0.41, 0.16, 0.13]), is_tooth=np.zeros(60, bool))
    pixels.paint[:] = BASIS @ np.log([0.41, 0.16, 0.13])
    redder = replace(pixels, albedo=pixels.paint + MUCOSA_LIGHT_BIAS + np.array([0, 0.3, 0]))
    moved = BASIS @ read_mucosa(redder)
    assert 0.05 < moved[1] < 0.2
    assert abs(moved[0]) < 0.01
    assert read_mucosa(pixels_of(GUIDE[0])) is None


def test_the_provenance_says_what_was_seen():
    shut, smiling = MouthTone(np.ones(3), np.ones(3)), MouthTone(np.ones(3), np.ones(3), True, False)
    assert describe_mouth([shut]) == {"teeth": "assumed", "gums and tongue": "assumed"}
    assert describe_mouth([shut, smiling])["teeth"] == "from the photo"


def test_the_vertices_take_the_texture_tone(atlas):
    tone = MouthTone(np.array([0.8, 0.7, 0.6]), np.array([0.9, 1.0, 1.1]))
    ratio = tone_vertices(atlas, tone) / base_paint(atlas)
    in_mouth = atlas.inner >= min(TEETH)
    assert np.allclose(ratio[~in_mouth], 1)
    kinds = np.unique(ratio[in_mouth].round(6), axis=0)
    assert np.allclose(kinds, [tone.teeth, tone.mucosa])


def test_the_dark_between_lips_and_teeth_are_not_lips_but_a_highlight_is():
    brightness, red = np.full((40, 60), -0.1), np.full((40, 60), 0.3)
    brightness[18:22, 5:25], red[18:22, 5:25] = -2.0, 0.4
    brightness[18:22, 25:55], red[18:22, 25:55] = 0.6, -0.25
    brightness[30, 30], red[30, 30] = 0.5, -0.15
    lips = np.ones((40, 60))
    behind = show_through(brightness, red, lips, lips)
    assert behind[19:21, 6:54].min() > 0.9
    assert behind[17, 30:50].min() > 0.7
    assert behind[:15].max() == 0
    assert behind[29, 30] == 0
    lipstick = show_through(brightness - 2.0, red + 0.5, lips, lips)
    assert lipstick[:15].max() == 0

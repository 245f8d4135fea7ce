"""FLAME's own mesh as a head model: its vertices in their order, with our 52 units, names, layout and the parts that it lacks.

Rule of this file: FLAME's own arrays are taken as they are; only what FLAME has not is brought over from the embedded head.
"""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel, SurfacePoints, joint_transforms, rotation_matrices, triangulate
from ..render.shading import vertex_normals
from ..types import JOINT_NAMES, HeadCode
from .arrays import FlameArrays
from .carry import EYES, Carry, eye_centre, fit_ball
from .facing import FacingSurface, prepare_surface
from .layout import carry_layout
from .parts import FlameParts, find_parts
from .registration import Registration

ADDED_PARTS = ("left_cornea", "right_cornea", "upper_teeth", "lower_teeth", "tongue", "lashes")
REGIONS_OF_SKIN = 0.02


def worn_model(model: HeadModel, fitted: HeadModel, flame: FlameArrays, carry: Carry, laid: Registration) -> HeadModel:
    """model: the embedded head; fitted: FLAME's people on its mesh (carry.fitted_model). The first vertices are FLAME's."""
    parts = find_parts(flame)
    triangles = triangulate(model.faces)
    of_part = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    uv_triangles = triangulate(model.face_uvs)
    template = flame.template.astype(np.float64)
    skin_mask = parts.skin_faces
    skin = np.unique(flame.faces[skin_mask])
    on_skin = prepare_surface(fitted.template.astype(np.float64), triangles[of_part == 0])
    normals = vertex_normals(template, flame.faces[skin_mask])
    found = on_skin.closest(template[skin], normals[skin], is_thorough=True)
    points = on_skin.points(found)

    names = ["skin", *(EYES if parts.has_eyes else ())]
    names += [name for name in (ADDED_PARTS if parts.has_eyes else (*EYES, *ADDED_PARTS)) if name in model.part_names]
    added = [name for name in names[1:] if not (parts.has_eyes and name in EYES)]
    rows_of = {name: np.unique(triangles[of_part == model.part_names.index(name)]) for name in added}
    own_rows = np.concatenate([rows_of[name] for name in added]) if added else np.zeros(0, int)
    count = len(template)

    def widen(of_flame: np.ndarray, of_parts: np.ndarray) -> np.ndarray:
        """[..., F, C] and the added parts' rows [..., A, C] as one."""
        return np.concatenate([of_flame, of_parts.astype(of_flame.dtype)], -2)

    whole = widen(template, fitted.template[own_rows])
    uvs, face_uvs, faces, face_parts = lay_out(
        template, flame, parts, on_skin, model, triangles, of_part, uv_triangles, names, added, rows_of, fitted
    )
    weights = widen(flame.weights.astype(np.float64), model.weights[own_rows].astype(np.float64))
    regressor = np.concatenate([flame.joint_regressor, np.zeros((len(JOINT_NAMES), len(own_rows)))], 1)
    correctives = widen(flame.pose_correctives, np.zeros((36, len(own_rows), 3)))
    joints = regressor @ whole
    units = carry_units(fitted, points, skin, own_rows, whole, joints, weights, correctives, count)
    lashes = np.flatnonzero(np.isin(own_rows, rows_of["lashes"])) if "lashes" in added else np.zeros(0, int)
    keys = widen(flame.expression_basis, _parts_of(carry, flame.expression_basis, own_rows, lashes))
    joint_moves = np.zeros((fitted.num_expression + len(keys), len(JOINT_NAMES), 3))
    joint_moves[fitted.num_expression :] = np.einsum("jv,evc->ejc", regressor, keys.astype(np.float64), optimize=True)
    regions = {name: _region(values, points, skin, own_rows, len(whole)) for name, values in model.regions.items()}
    landmarks = prepare_surface(template, flame.faces[skin_mask])
    sevens = model.landmarks7.evaluate(fitted.template.astype(np.float64))
    face, inside = landmarks.occluder.closest(sevens)
    return HeadModel(
        name=fitted.name,
        licence=flame.licence,
        template=whole.astype(np.float32),
        identity_basis=widen(flame.shape_basis, fitted.identity_basis[:, own_rows]),
        expression_basis=np.concatenate([units.astype(np.float32), keys.astype(np.float32)]),
        expression_names=(*model.expression_names, *(f"Exp{k + 1:03d}" for k in range(len(keys)))),
        bone_rotations=model.bone_rotations,
        pose_correctives=correctives.astype(np.float32),
        joint_regressor=regressor,
        weights=weights.astype(np.float32),
        faces=faces,
        uvs=uvs.astype(np.float32),
        face_uvs=face_uvs,
        face_parts=face_parts,
        part_names=tuple(names),
        regions=regions,
        landmarks7=SurfacePoints(landmarks.triangles[np.maximum(face, 0)], inside.astype(np.float64)),
        base_textures=model.base_textures,
        joint_moves=joint_moves,
    )


def directions(vertices: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Vertices [V, 3] as directions from a ball's centre: an iris that lies flat is found as one on the ball."""
    outwards = vertices - centre
    return outwards / np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-9)


def _parts_of(carry: Carry, basis: np.ndarray, own_rows: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """What an expression of the skin does to the added parts [E, A, 3]: lashes go along, the others stay."""
    out = np.zeros((len(basis), len(own_rows), 3), np.float32)
    if len(moving):
        out[:, moving] = carry.field(basis)[:, own_rows[moving]]
    return out


def _region(values: np.ndarray, points: SurfacePoints, skin: np.ndarray, own_rows: np.ndarray, count: int) -> np.ndarray:
    result = np.zeros(count, np.float32)
    carried = np.einsum("nk,nk->n", points.weights, values[points.indices])
    result[skin] = np.where(carried < REGIONS_OF_SKIN, 0, np.clip(carried, 0, 1))
    result[count - len(own_rows) :] = values[own_rows]
    return result


def carry_units(
    fitted: HeadModel, points: SurfacePoints, skin: np.ndarray, own_rows: np.ndarray, whole: np.ndarray, joints: np.ndarray,
    weights: np.ndarray, correctives: np.ndarray, num_flame: int,
) -> np.ndarray:  # fmt: skip
    """The embedded units [E, V, 3] for FLAME's joints and weights: at weight 1 the skin is where the embedded unit takes it."""
    rest = fitted.pose(fitted.neutral_code())
    units = np.zeros((fitted.num_expression, *whole.shape))
    still = np.setdiff1d(np.arange(num_flame), skin)
    for number in range(fitted.num_expression):
        expression = np.zeros(fitted.num_expression)
        expression[number] = 1.0
        code = HeadCode(np.zeros(fitted.num_identity), expression, np.zeros(15))
        moved = fitted.pose(code) - rest
        goal = whole.copy()
        goal[skin] += points.evaluate(moved)
        goal[num_flame:] += moved[own_rows]
        rotations = rotation_matrices(fitted.full_pose(code).reshape(-1, 3))
        shaped = unskin(goal, joints, rotations, weights)
        units[number] = shaped - whole - np.tensordot((rotations[1:] - np.eye(3)).ravel(), correctives, 1)
        units[number, still] = 0
    return units


def unskin(goal: np.ndarray, joints: np.ndarray, rotations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What linear blend skinning takes to goal [V, 3]."""
    turns, shifts = joint_transforms(joints, rotations)
    blend = np.einsum("vj,jab->vab", weights, turns)
    return np.linalg.solve(blend, (goal - weights @ shifts)[..., None])[..., 0]


def tuck_back(uvs: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """face_uvs [T, 3] of a whole ball on the layout of one that is open behind: triangles that would lie across it the wrong way
    round, hidden in the head, are drawn to a point of its rim."""
    a, b, c = (uvs[corners[:, k]] for k in range(3))
    is_turned = np.cross(b - a, c - a) <= 0
    return np.where(is_turned[:, None], corners[:, :1], corners)


def lay_out(
    template: np.ndarray, flame: FlameArrays, parts: FlameParts, on_skin: FacingSurface, model: HeadModel, triangles: np.ndarray,
    of_part: np.ndarray, uv_triangles: np.ndarray, names: list[str], added: list[str], rows_of: dict[str, np.ndarray],
    fitted: HeadModel,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """uvs [U, 2], face_uvs, faces [F, 4] and face_parts [F]: FLAME's faces first and in their order, on the embedded layout."""
    uvs, face_uvs = np.zeros((0, 2)), np.full((len(flame.faces), 4), -1)
    face_parts = np.zeros(len(flame.faces), np.int64)
    masks = {"skin": parts.skin_faces}
    if parts.has_eyes:
        masks |= {"left_eye": parts.left_eye_faces, "right_eye": parts.right_eye_faces}
    for name, mask in masks.items():
        number = model.part_names.index(name)
        chosen = of_part == number
        places, surface = template, on_skin
        if name != "skin":
            places = directions(template, fit_ball(template[np.unique(flame.faces[mask])])[0])
            ball = directions(fitted.template.astype(np.float64), eye_centre(fitted, name))
            surface = prepare_surface(ball, triangles[chosen])
        new, corners = carry_layout(places, flame.faces[mask], surface, model.uvs.astype(np.float64), uv_triangles[chosen])
        if name != "skin":
            corners = tuck_back(new, corners)
        face_uvs[mask, :3] = corners + len(uvs)
        uvs = np.concatenate([uvs, new])
        face_parts[mask] = names.index(name)
    faces = np.column_stack([flame.faces, np.full(len(flame.faces), -1)])
    start = len(template)
    for name in added:
        own = model.face_parts == model.part_names.index(name)
        place = np.full(len(model.template), -1)
        place[rows_of[name]] = start + np.arange(len(rows_of[name]))
        start += len(rows_of[name])
        used, index = np.unique(model.face_uvs[own], return_inverse=True)
        index = index.reshape(-1, 4)
        has_gap = used[0] < 0
        shifted = index - has_gap + len(uvs)
        shifted[model.face_uvs[own] < 0] = -1
        faces = np.concatenate([faces, np.where(model.faces[own] < 0, -1, place[model.faces[own]])])
        face_uvs = np.concatenate([face_uvs, shifted])
        face_parts = np.concatenate([face_parts, np.full(own.sum(), names.index(name))])
        uvs = np.concatenate([uvs, model.uvs[used[used >= 0]]])
    return uvs, face_uvs.astype(np.int64), faces.astype(np.int64), face_parts

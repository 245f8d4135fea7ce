"""Puts skin, parts, identity, units and rig together as one HeadModel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ...types import ARKIT_NAMES, JOINT_NAMES
from ..model import HeadModel
from . import expressions, identity, rig
from .atlas import paint_base_textures
from .base_mesh import MeanHead, build_mean_head
from .eyes import build_cornea, build_eye
from .lashes import build_lashes
from .parts import NUM_BASE, PART_NAMES, Part, Skin
from .skin import build_skin, landmarks7
from .teeth import build_teeth, follow_lips
from .tongue import build_tongue
from .uv import build_layout

NAME = "Likeness embedded head"
LICENCE = "CC0-1.0: MakeHuman base mesh and targets; Face Units by Mika Suominen"
NUM_PEOPLE = 2000
NUM_IDENTITY = 150


@dataclass(frozen=True)
class Whole:
    """All parts as one mesh that hangs on the base: vertices [V, 3] = binding @ base + offset; faces [F, 4], face_parts [F];
    slices: part's name -> its vertices."""

    binding: sp.csr_matrix
    offset: np.ndarray
    faces: np.ndarray
    face_parts: np.ndarray
    slices: dict[str, slice]


def build_parts(head: MeanHead) -> list[Part]:
    """The modelled parts in PART_NAMES' order."""
    base = head.base
    return [
        build_eye(base, "left"), build_eye(base, "right"), build_cornea(base, "left"), build_cornea(base, "right"),
        build_teeth(base, "upper"), build_teeth(base, "lower"), build_tongue(base), build_lashes(base),
    ]  # fmt: skip


def join_parts(skin: Skin, parts: list[Part]) -> Whole:
    """Skin first, then the parts; vertex and face order are stable between builds."""
    assert tuple(part.name for part in parts) == PART_NAMES[1:]
    size = len(skin.base_indices)
    pick = sp.csr_matrix((np.ones(size), (np.arange(size), skin.base_indices)), (size, NUM_BASE))
    faces, face_parts, slices, start = [skin.faces], [np.zeros(len(skin.faces), int)], {"skin": slice(0, size)}, size
    for number, part in enumerate(parts, 1):
        faces.append(np.where(part.faces < 0, -1, part.faces + start))
        face_parts.append(np.full(len(part.faces), number))
        slices[part.name] = slice(start, start + len(part.vertices))
        start += len(part.vertices)
    binding = sp.vstack([pick, *(part.binding for part in parts)]).tocsr()
    offset = np.concatenate([np.zeros((size, 3)), *(part.offset for part in parts)])
    return Whole(binding, offset, np.concatenate(faces), np.concatenate(face_parts), slices)


def follow(whole: Whole, head: MeanHead, offsets: np.ndarray) -> np.ndarray:
    """Offsets of the carried vertices [..., C, 3] -> offsets of the whole mesh [..., V, 3]."""
    binding = whole.binding[:, head.topology.carried]
    flat = np.moveaxis(offsets, -2, 0).reshape(offsets.shape[-2], -1)
    return np.moveaxis((binding @ flat).reshape(binding.shape[0], *offsets.shape[:-2], 3), 0, -2)


def build_model(wheel: Path) -> tuple[HeadModel, MeanHead]:
    """The whole build: about a minute on one core."""
    head = build_mean_head(wheel, NUM_PEOPLE)
    skin = build_skin(head)
    parts = build_parts(head)
    whole = join_parts(skin, parts)
    template = whole.binding @ head.base.vertices + whole.offset
    layout = build_layout(skin, parts)
    importance = np.zeros(len(head.topology.carried))
    importance[head.topology.skin_rows] = 1
    space = identity.principal_components(head.people, NUM_IDENTITY, importance)
    offsets = {name: whole.binding @ head.base.units[name] for name in ARKIT_NAMES}

    ring = np.searchsorted(skin.base_indices, head.topology.neck_loop)
    eyes = {
        side: (np.arange(len(template))[whole.slices[f"{side}_eye"]], head.base.eye_centre(side)) for side in ("left", "right")
    }  # fmt: skip
    regressor = rig.joint_regressor(template, len(skin.base_indices), ring, eyes)
    joints = regressor @ template
    helper = head.base.group_vertices("helper-lower-teeth")
    helper_offsets = {name: head.base.units[name][helper] for name in ("jawOpen", "jawLeft", "jawRight")}
    angle = expressions.jaw_rotation(head.base.vertices[helper], helper_offsets["jawOpen"], joints[2], 0)
    skin_weights = rig.skin_weights(head, skin, offsets["jawOpen"][: len(skin.base_indices)], joints[2], angle)
    weights = np.concatenate([skin_weights, *(part.weights for part in parts)])
    units = expressions.split_units(template, offsets, joints, weights, (head.base.vertices[helper], helper_offsets))
    units.correctives[:9] += expressions.neck_correctives(template, joints, weights, np.random.default_rng(identity.SEED))
    identity_basis = follow_lips(follow(whole, head, space.basis), template, whole.slices)
    model = HeadModel(
        name=NAME, licence=LICENCE, template=template, identity_basis=identity_basis,
        expression_basis=units.offsets, expression_names=ARKIT_NAMES, bone_rotations=units.rotations,
        pose_correctives=units.correctives, joint_regressor=regressor, weights=weights, faces=whole.faces,
        uvs=layout.uvs, face_uvs=layout.face_uvs, face_parts=whole.face_parts, part_names=PART_NAMES,
        regions=widen(skin.regions, len(template)), landmarks7=landmarks7(head),
        base_textures=paint_base_textures(skin, parts, layout),
    )  # fmt: skip
    assert len(JOINT_NAMES) == weights.shape[1]
    return model, head


def widen(regions: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Weights on the skin -> on all vertices, zero on the parts."""
    return {name: np.concatenate([values, np.zeros(count - len(values))]) for name, values in regions.items()}

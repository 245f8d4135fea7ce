"""Visemes on a head (core/animation/visemes.py has them as a table): as mixes of its units, and as shape keys of their own.

Rule of this file: as a mix a viseme moves the units, and with them the jaw's joint, on any head that has them. As a shape key
`viseme_<name>` it is the whole of that mix baked into offsets of the neutral face, which turns no joint, so that a program
without drivers shows it by this key alone. Only the key moves the tongue, for which there is no unit but tongueOut.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..animation.visemes import KEYS, NAMES, PREFIX, Tongue, load_visemes
from ..errors import AnimationError
from ..types import BoneRotation, HeadAsset
from .bones import driven_pose, pose_asset
from .expressions import UPPER_FACE
from .model import joint_transforms, rotation_matrices

MIDDLE_M, TIP_M = 0.005, 0.0025
"""How far from the middle the incisors are looked for; how far behind its foremost point the tongue's tip reaches."""
BACK_SPREAD_M = 0.010
"""Of the tongue's raised back, one standard deviation along the tongue."""
RIDGE_M, CLOSE_M = (0.005, 0.004, 0.022), 0.0005
"""The ridge is so far above the edge of the upper incisors, and from so far to so far behind it; the tongue ends so far below."""


def show_viseme(expression: dict[str, float], name: str, strength: float = 1.0) -> dict[str, float]:
    """What the face shows with its mouth saying a viseme: brows and eyes stay, every other unit and key is the viseme's. Raises
    AnimationError."""
    if name not in NAMES:
        raise AnimationError(f"There is no viseme '{name}': choose one of {', '.join(NAMES)}.")
    kept = {unit: value for unit, value in expression.items() if unit.startswith(UPPER_FACE)}
    return kept | {unit: min(value * strength, 1.0) for unit, value in load_visemes()[name].units.items()}


def spell_out(expression: dict[str, float]) -> dict[str, float]:
    """An expression with the units in the place of viseme keys: for what knows no such keys."""
    spelt = {unit: value for unit, value in expression.items() if unit not in KEYS}
    for viseme in load_visemes().values():
        if weight := expression.get(PREFIX + viseme.name):
            spelt |= {unit: spelt.get(unit, 0.0) + weight * value for unit, value in viseme.units.items()}
    return spelt


def has_visemes(asset: HeadAsset) -> bool:
    """Whether the head has a key of a viseme."""
    return any(key in asset.shape_keys for key in KEYS)


def add_visemes(asset: HeadAsset) -> HeadAsset:
    """The head with the viseme keys that it lacks, after its others. Those that it has stay as they are."""
    missing = {key: offsets for key, offsets in bake_visemes(asset).items() if key not in asset.shape_keys}
    return replace(asset, shape_keys=asset.shape_keys | missing)


def bake_visemes(asset: HeadAsset) -> dict[str, np.ndarray]:
    """Key -> offsets [V, 3] m from the neutral face, float32, of the head's own units with the joints that they turn.

    Exact at weight 1 and linear between, where the units with the jaw's joint go on an arc: half way to `aa` the lips are
    .5 mm off.
    """
    rest = np.zeros(15)
    keys = {}
    for viseme in load_visemes().values():
        posed = pose_asset(asset, viseme.units, rest)
        if viseme.tongue is not None:
            _move_tongue(asset, posed, viseme.tongue)
        keys[PREFIX + viseme.name] = (posed - asset.vertices).astype(np.float32)
    return keys


def follow_shape(before: HeadAsset, after: HeadAsset) -> HeadAsset:
    """A head whose neutral shape has moved, from `before`, with its viseme keys as its units show them now.

    What skinning does to a moved vertex about moved joints is linear in both, so a key changes by that alone, and what an artist
    sculpted into it stays. (Where exactly the tongue meets the teeth of another person is not looked for again.)
    """
    if not has_visemes(before):
        return after
    changes = key_changes(
        np.asarray(after.vertices, np.float64) - before.vertices, np.asarray(after.joints, np.float64) - before.joints,
        after.weights, after.bone_rotations, [key for key in KEYS if key in after.shape_keys],
    )  # fmt: skip
    keys = {key: (after.shape_keys[key] + change).astype(np.float32) for key, change in changes.items()}
    return replace(after, shape_keys=after.shape_keys | keys)


def key_changes(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray,
    bone_rotations: dict[str, tuple[BoneRotation, ...]], keys: list[str],
) -> dict[str, np.ndarray]:  # fmt: skip
    """Viseme key -> how its offsets change [V, 3] m when the neutral vertices [V, 3] and joints [5, 3] move by so much."""
    visemes = load_visemes()
    changes = {}
    for key in keys:
        turns, shifts = joint_transforms(
            joints, rotation_matrices(driven_pose(bone_rotations, visemes[key.removeprefix(PREFIX)].units))
        )
        change = np.zeros_like(vertices)
        for turn, shift, weight in zip(turns - np.eye(3), shifts, weights.T, strict=True):
            if turn.any() or shift.any():
                rows = np.flatnonzero(weight)
                change[rows] += weight[rows, None] * (vertices[rows] @ turn.T + shift)
        changes[key] = change
    return changes


def _move_tongue(asset: HeadAsset, posed: np.ndarray, tongue: Tongue) -> None:
    """Moves the tongue in posed vertices [V, 3]; a head without one, or without upper teeth, has none to move."""
    rows, teeth = _rows_of(asset, "tongue"), _rows_of(asset, "upper_teeth")
    if not len(rows) or not len(teeth):
        return
    behind = asset.vertices[rows, 2].max() - asset.vertices[rows, 2]
    tip = posed[rows[behind < TIP_M]].mean(0)
    incisors = posed[teeth[np.abs(posed[teeth, 0] - tip[0]) < MIDDLE_M]]
    edge = incisors[np.argmin(incisors[:, 1])] if len(incisors) else tip
    along = np.clip(1 - behind / tongue.reach_m, 0, 1)
    along = along**2 * (3 - 2 * along)
    posed[rows, 1] -= (1 - tongue.thickness) * along * (posed[rows, 1] - _middle_of(posed[rows], behind))
    if tongue.tip_m is not None:
        posed[rows, 1:] += along[:, None] * (edge[1:] + tongue.tip_m - tip[1:])
    if tongue.touches:
        posed[rows, 1] += along * _room_above(posed[rows[along > 0.5]], posed[teeth], edge)
    if tongue.back_m is not None:
        rise, place = tongue.back_m
        posed[rows, 1] += rise * np.exp(-(((behind - place) / BACK_SPREAD_M) ** 2) / 2)


def _room_above(tip: np.ndarray, teeth: np.ndarray, edge: np.ndarray) -> float:
    """How far the tongue's tip [N, 3] may rise until it meets the ridge, a part of the upper teeth's gum [M, 3]."""
    above, front, back = RIDGE_M
    behind = edge[2] - teeth[:, 2]
    ridge = teeth[(teeth[:, 1] > edge[1] + above) & (behind > front) & (behind < back)]
    under = tip[np.abs(tip[:, 0] - tip[:, 0].mean()) < MIDDLE_M]
    if not len(ridge) or not len(under):
        return 0.0
    nearest = np.linalg.norm(under[:, None, ::2] - ridge[None, :, ::2], axis=-1).argmin(1)
    return float((ridge[nearest, 1] - under[:, 1]).min() - CLOSE_M)


def _middle_of(tongue: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Height [N] m of the tongue's middle at each of its vertices: a straight line through all of them."""
    slope, height = np.polyfit(behind, tongue[:, 1], 1)
    return slope * behind + height


def _rows_of(asset: HeadAsset, part: str) -> np.ndarray:
    if part not in asset.part_names:
        return np.zeros(0, int)
    corners = asset.faces[asset.face_parts == asset.part_names.index(part)]
    return np.unique(corners[corners >= 0])

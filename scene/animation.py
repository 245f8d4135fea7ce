"""A head in motion: keyframes of its units and of the bones that an artist turns.

Rule of this file: the mesh's shape keys and the armature object have an action each, of their own; drivers, and whatever else
an artist animated, stay.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from ..core.animation.capture import FaceCapture
from ..core.animation.idle import IdleMotion
from ..core.errors import AnimationError
from ..core.head.model import rotation_matrices
from ..core.types import ARKIT_NAMES, JOINT_NAMES
from .action_draft import ActionDraft
from .convert import R_SCENE_FROM_MODEL
from .expression import read_keys
from .fcurves import BY_CURVES, Joined, ensure_curves, list_curves, remove_curves, replace_keys
from .head import HEAD, head_rig
from .transaction import pauses_without_undo

BONES = tuple(joint for joint in JOINT_NAMES if joint != "root")
ROTATIONS = {"QUATERNION": ("rotation_quaternion", 4), "AXIS_ANGLE": ("rotation_axis_angle", 4)}
EULER = ("rotation_euler", 3)
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
GAZE = (
    (0, "eyeLookOutLeft", "eyeLookInLeft"), (0, "eyeLookInRight", "eyeLookOutRight"),
    (1, "eyeLookUpLeft", "eyeLookDownLeft"), (1, "eyeLookUpRight", "eyeLookDownRight"),
)  # fmt: skip
"""Of either eye: a gaze's number (to the subject's left, up), the unit that turns it so and the one that turns it back."""
USUAL_GAZE_DEG = 30.0
"""How far a unit looks on a head whose units turn no eyes."""
TURNS_A_STEP = 4000
HELD = 1e-6
"""What moves less is still, and needs a key at either end alone."""


def key_expression(obj: bpy.types.Object, frame: float) -> None:
    """Keys of all units and of the bones' rotations as they are now."""
    frames = np.array([frame])
    _write_units(obj, frames, {unit: np.array([value]) for unit, value in read_keys(obj).items()})
    for bone in _bones(obj).values():
        path, size = _rotation(bone)
        _write_bone(obj, bone, frames, np.array(getattr(bone, path))[None, :size])


def write_capture(
    obj: bpy.types.Object, capture: FaceCapture, start: int, *, strength: float = 1.0, head: float = 1.0
) -> Generator[float, None, int]:
    """A capture with one row a frame (take.py) from frame `start` on; returns the last frame.

    In steps, each a curve at most, that yield the share that is done; the head moves as before until the last, and whatever ends
    it early leaves it so. head: how much of the recorded turn the neck takes over; at 0 the neck is left alone. Raises
    SceneError, AnimationError when the head was changed in between.
    """
    frames, uid = start + np.arange(len(capture.values)), obj.session_uid
    known, by_lines = read_keys(obj), Joined(interpolation="LINEAR")
    units = [(i, unit) for i, unit in enumerate(ARKIT_NAMES) if unit in known]
    neck = _bones(obj).get("neck")
    rows: Iterator[Sequence[float]] = iter(())
    if capture.head_rad is not None and head and neck is not None:
        rows = _as_rotations(neck.rotation_mode, _neck_turns(neck, capture.head_rad * head))
        group, path = neck.name, _bone_path(neck.name, _rotation(neck)[0])
    num_steps = len(units) + len(frames) // TURNS_A_STEP + 1
    drafts: list[ActionDraft] = []
    with pauses_without_undo() as check:
        try:
            drafts.append(ActionDraft(obj.data.shape_keys, f"{obj.name} expression"))
            for number, (i, unit) in enumerate(units):
                column = np.minimum(capture.values[:, i] * strength, 1.0)
                drafts[0].fill(_unit_path(unit), 0, "", *_without_rest(frames, column), by_lines)
                yield number / num_steps
                check()
            turned: list[Sequence[float]] = []
            while chunk := list(islice(rows, TURNS_A_STEP)):
                turned += chunk
                yield (len(units) + len(turned) // TURNS_A_STEP) / num_steps
                check()
            if turned:
                drafts.append(ActionDraft(_living_rig(obj, uid), f"{obj.name} pose"))
                for i, column in enumerate(np.array(turned).T):
                    drafts[1].fill(path, i, group, *_without_rest(frames, column), by_lines)
                    yield 1.0
                    check()
            owners: list[bpy.types.ID] = [_living_keys(obj, uid), *([_living_rig(obj, uid)] if turned else [])]
            for draft, owner in zip(drafts, owners, strict=True):
                draft.require_unchanged(owner)
            for draft, owner in zip(drafts, owners, strict=True):
                draft.take_over(owner)
        except BaseException:
            for draft in drafts:
                draft.discard()
            raise
    return int(frames[-1])


def _living_keys(obj: bpy.types.Object, uid: int) -> bpy.types.Key:
    """After a pause. Raises AnimationError."""
    if not any(other.session_uid == uid for other in bpy.data.objects) or obj.data.shape_keys is None:
        raise AnimationError("The head was changed or removed meanwhile: nothing was written.")
    return obj.data.shape_keys


def _living_rig(obj: bpy.types.Object, uid: int) -> bpy.types.Object:
    """After a pause. Raises AnimationError."""
    if _living_keys(obj, uid) is None or (rig := head_rig(obj)) is None:
        raise AnimationError("The head was changed or removed meanwhile: nothing was written.")
    return rig


def write_idle(obj: bpy.types.Object, motion: IdleMotion, start: int, end: int, *, gaze: float = 1.0, head: float = 1.0) -> None:
    """Blinks, glances and a swaying head on top of what the head shows at frame `start`, instead of what these did until `end`.

    Where the motion has no blinks, or `gaze` or `head` is 0, that part is left alone, as the other units are.
    """
    rest, instead = _units_at(obj, start), Joined(until=end)
    if len(motion.lids.frames) > 1:
        shut = motion.lids.values[:, 0]
        lids = {unit: np.where(shut > 0, np.maximum(shut, rest[unit]), rest[unit]) for unit in LIDS if unit in rest}
        _write_units(obj, start + motion.lids.frames, lids, instead)
    if gaze:
        _write_units(obj, start + motion.gaze.frames, _look(obj, rest, motion.gaze.values * gaze), instead)
    neck = _bones(obj).get("neck")
    if head and neck is not None:
        at_rest = _rotation_at(neck, start)
        turns = [at_rest @ turn for turn in _neck_turns(neck, motion.head.values * head)]
        swaying = Joined(handle="AUTO", is_loop=motion.is_loop, until=end)
        _write_bone(obj, neck, start + motion.head.frames, np.array(list(_as_rotations(neck.rotation_mode, turns))), swaying)


def clear_animation(obj: bpy.types.Object) -> None:
    """Takes the curves of units and bones away; the head keeps what it shows. Other curves and all drivers stay."""
    for owner, curves in _head_curves(obj):
        remove_curves(owner, curves)


def key_range(obj: bpy.types.Object) -> tuple[float, float] | None:
    """First and last frame with a key of the head's, or None."""
    ranges = [curve.range() for _, curves in _head_curves(obj) for curve in curves if len(curve.keyframe_points)]
    return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else None


def is_animated(obj: bpy.types.Object) -> bool:
    """Whether the head has keys, or strips that were made of them."""
    blocks = [block for block in (head_rig(obj), obj.data.shape_keys) if block is not None and block.animation_data]
    return key_range(obj) is not None or any(track.strips for block in blocks for track in block.animation_data.nla_tracks)


def scene_frames(scene: bpy.types.Scene) -> tuple[int, int]:
    """What plays: the preview range where one is set. Raises AnimationError when it is a single frame."""
    first, last = (
        (scene.frame_preview_start, scene.frame_preview_end) if scene.use_preview_range else (scene.frame_start, scene.frame_end)
    )
    if last <= first:
        raise AnimationError("The scene has one frame: set an end frame after its start.")
    return first, last


def frames_per_second(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def _head_curves(obj: bpy.types.Object) -> list[tuple[bpy.types.ID, list[bpy.types.FCurve]]]:
    """What is animated of shape keys and armature, with the curves that are the head's, where there are any."""
    rig, keys = head_rig(obj), obj.data.shape_keys
    properties = [name for name, _ in (*ROTATIONS.values(), EULER)]
    paths = {_unit_path(unit) for unit in read_keys(obj)} | {
        _bone_path(bone, name) for bone in _bones(obj) for name in properties
    }
    owners = [owner for owner in (keys, rig) if owner is not None]
    found = [(owner, [curve for curve in list_curves(owner) if curve.data_path in paths]) for owner in owners]
    return [(owner, curves) for owner, curves in found if curves]


def _bones(obj: bpy.types.Object) -> dict[str, bpy.types.PoseBone]:
    """The bones that an artist turns, where there is a rig."""
    rig = head_rig(obj)
    return {name: rig.pose.bones[name] for name in BONES if name in rig.pose.bones} if rig is not None else {}


def _write_units(obj: bpy.types.Object, frames: np.ndarray, columns: dict[str, np.ndarray], joined: Joined = BY_CURVES) -> None:
    channels = [(_unit_path(unit), 0, "") for unit in columns]
    curves = ensure_curves(obj.data.shape_keys, channels, f"{obj.name} expression")
    for curve, column in zip(curves, columns.values(), strict=True):
        _fill(curve, frames, column, joined)


def _write_bone(
    obj: bpy.types.Object, bone: bpy.types.PoseBone, frames: np.ndarray, rotations: np.ndarray, joined: Joined = BY_CURVES
) -> None:
    path, size = _rotation(bone)
    channels = [(_bone_path(bone.name, path), i, bone.name) for i in range(size)]
    for curve, column in zip(ensure_curves(bone.id_data, channels, f"{obj.name} pose"), rotations.T, strict=True):
        _fill(curve, frames, column, joined)


def _fill(curve: bpy.types.FCurve, frames: np.ndarray, column: np.ndarray, joined: Joined) -> None:
    replace_keys(curve, *_without_rest(frames, column), joined)


def _without_rest(frames: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is still keeps a key at either end."""
    is_still = len(frames) > 2 and np.ptp(column) < HELD
    return (frames[[0, -1]], column[[0, -1]]) if is_still else (frames, column)


def _rotation(bone: bpy.types.PoseBone) -> tuple[str, int]:
    """The property that turns the bone in its rotation mode, and how many numbers it has."""
    return ROTATIONS.get(bone.rotation_mode, EULER)


def _neck_turns(neck: bpy.types.PoseBone, angles_rad: np.ndarray) -> Iterator[Matrix]:
    """[turn, nod, tilt] (capture.py) -> rotations in the neck bone's axes; the bone itself is looked at now, not later."""
    return _turns_in_bone(np.array(neck.bone.matrix_local.to_3x3()).T @ R_SCENE_FROM_MODEL, angles_rad)


def _turns_in_bone(R_bone_from_model: np.ndarray, angles_rad: np.ndarray) -> Iterator[Matrix]:
    axes = np.eye(3)
    for first in range(0, len(angles_rad), TURNS_A_STEP):
        turn, nod, tilt = (angles_rad[first : first + TURNS_A_STEP, i, None] for i in range(3))
        in_model = rotation_matrices(turn * axes[1]) @ rotation_matrices(-nod * axes[0]) @ rotation_matrices(tilt * axes[2])
        yield from map(Matrix, (R_bone_from_model @ in_model @ R_bone_from_model.T).tolist())


def _as_rotations(mode: str, turns: Iterable[Matrix]) -> Iterator[Sequence[float]]:
    """Rotations as the 3 or 4 numbers of a bone's rotation mode, without jumps between equal ones."""
    is_euler = mode not in ROTATIONS
    euler = Euler((0.0, 0.0, 0.0), mode if is_euler else "XYZ")
    last = Matrix.Identity(3).to_quaternion()
    for turn in turns:
        quaternion = turn.to_quaternion()
        quaternion.make_compatible(last)
        last = quaternion
        if mode == "QUATERNION":
            yield tuple(quaternion)
        elif mode == "AXIS_ANGLE":
            axis, angle = quaternion.to_axis_angle()
            yield (angle, *axis)
        else:
            euler = turn.to_euler(mode, euler)
            yield tuple(euler)


def _units_at(obj: bpy.types.Object, frame: int) -> dict[str, float]:
    """Unit values: by their curves where they are animated, else as they are."""
    values = read_keys(obj)
    curves = {curve.data_path: curve for curve in list_curves(obj.data.shape_keys)}
    animated = {unit: curves[path] for unit in values if (path := _unit_path(unit)) in curves}
    return values | {unit: curve.evaluate(frame) for unit, curve in animated.items()}


def _unit_path(unit: str) -> str:
    return f'key_blocks["{bpy.utils.escape_identifier(unit)}"].value'


def _bone_path(bone: str, name: str) -> str:
    return f'pose.bones["{bone}"].{name}'


def _rotation_at(bone: bpy.types.PoseBone, frame: int) -> Matrix:
    """A bone's own rotation [3, 3]: by its curves where it is animated, else as it is."""
    path, size = _rotation(bone)
    numbers = list(getattr(bone, path))[:size]
    for curve in list_curves(bone.id_data):
        if curve.data_path == _bone_path(bone.name, path):
            numbers[curve.array_index] = curve.evaluate(frame)
    if bone.rotation_mode == "QUATERNION":
        return Quaternion(numbers).normalized().to_matrix()
    if bone.rotation_mode == "AXIS_ANGLE":
        return Matrix.Rotation(numbers[0], 3, numbers[1:])
    return Euler(numbers, bone.rotation_mode).to_matrix()


def _look(obj: bpy.types.Object, rest: dict[str, float], gaze_deg: np.ndarray) -> dict[str, np.ndarray]:
    """Degrees to the subject's left and up [N, 2], beyond where the eyes look at rest -> values of the units that look."""
    columns = {}
    for axis, one, other in GAZE:
        one_deg, other_deg = _unit_degrees(obj, one), _unit_degrees(obj, other)
        where = rest.get(one, 0.0) * one_deg - rest.get(other, 0.0) * other_deg + gaze_deg[:, axis]
        columns[one], columns[other] = np.clip(where / one_deg, 0, 1), np.clip(-where / other_deg, 0, 1)
    return {unit: column for unit, column in columns.items() if unit in rest}


def _unit_degrees(obj: bpy.types.Object, unit: str) -> float:
    """How far a unit turns its eye."""
    rotations = json.loads(obj[HEAD]["facts"])["bone_rotations"].get(unit, [])
    degrees = [float(np.degrees(np.linalg.norm(axis_angle))) for joint, axis_angle in rotations if joint.endswith("eye")]
    return max(degrees, default=0.0) or USUAL_GAZE_DEG

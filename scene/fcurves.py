"""F-curves of one data-block's own action: found, made, filled and removed, in Blender 4.2's actions and in those with slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

KEY_FIELDS = ("co", "handle_left", "handle_right", "interpolation", "handle_left_type", "handle_right_type", "easing", "type",
              "back", "amplitude", "period")  # fmt: skip
"""All that a keyframe is, as foreach_get reads it."""
PAIRS = ("co", "handle_left", "handle_right")
AUTOMATIC = ("AUTO", "AUTO_CLAMPED", "VECTOR")
"""Kinds of handles that Blender places by itself."""
WHOLE = ("interpolation", "handle_left_type", "handle_right_type", "easing", "type")


@dataclass(frozen=True)
class Joined:
    """How new keys are joined, in Blender's own words. is_loop: the last is the first again, so both get one slope, as a key
    between their neighbours would have. Old keys up to frame `until` go, where that is later than the last new one.
    """

    interpolation: str = "BEZIER"
    handle: str = "AUTO_CLAMPED"
    is_loop: bool = False
    until: float = -np.inf


BY_CURVES = Joined()


def list_curves(owner: bpy.types.ID) -> list[bpy.types.FCurve]:
    """The curves that move `owner` now; of an action that several share, only its own slot's."""
    channels = _channels(owner)
    return list(channels.fcurves) if channels is not None else []


def remove_curves(owner: bpy.types.ID, curves: Sequence[bpy.types.FCurve]) -> None:
    """Takes curves of list_curves(owner) away, and the action with the last of them."""
    require_own_action(owner, "")
    wanted = {(curve.data_path, curve.array_index) for curve in curves}
    channels = _channels(owner)
    for curve in list_curves(owner):
        if (curve.data_path, curve.array_index) in wanted:
            channels.fcurves.remove(curve)
    if not list_curves(owner):
        action = owner.animation_data.action
        owner.animation_data.action = None
        if action.users == 0 or (action.users == 1 and action.use_fake_user):
            bpy.data.actions.remove(action)


def require_own_action(owner: bpy.types.ID, name: str) -> bpy.types.Action:
    """`owner`'s action, made where there is none; copied first where it moves another data-block too, or is linked."""
    animation = owner.animation_data or owner.animation_data_create()
    if animation.action is None:
        animation.action = bpy.data.actions.new(name)
    elif not animation.action.is_editable or is_shared(owner):
        slot = current_slot(owner)
        identifier = slot.identifier if slot is not None else None
        animation.action = animation.action.copy()
        if identifier is not None:
            animation.action_slot = animation.action.slots[identifier]
    return animation.action


def ensure_curves(owner: bpy.types.ID, channels: Sequence[tuple[str, int, str]], name: str) -> list[bpy.types.FCurve]:
    """A curve for each (data path, index, group; '' is none), in the owner's own action, called `name` where new."""
    action = require_own_action(owner, name)
    known = {(curve.data_path, curve.array_index): curve for curve in list_curves(owner)}
    for path, index, group in channels:
        if (path, index) not in known:
            known[path, index] = _new_curve(action, owner, path, index, group)
    return [known[path, index] for path, index, _ in channels]


def replace_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray, joined: Joined = BY_CURVES) -> None:
    """Keys at frames [N], rising, in the place of those that the curve had from the first of them to the last, or to `until`."""
    old = _read_keys(curve)
    is_before, is_after = old["co"][:, 0] < frames[0] - 0.5, old["co"][:, 0] > max(frames[-1], joined.until) + 0.5
    new = {field: np.zeros((len(frames), 2) if field in PAIRS else len(frames), old[field].dtype) for field in KEY_FIELDS}
    for field in PAIRS:
        new[field][:] = np.stack([frames, values], 1)
    new["interpolation"][:] = _enum("interpolation", joined.interpolation)
    new["handle_left_type"][:] = new["handle_right_type"][:] = _enum("handle_left_type", joined.handle)
    if joined.is_loop and len(frames) > 2:
        _join_ends(new)
    keys = {field: np.concatenate([old[field][is_before], new[field], old[field][is_after]]) for field in KEY_FIELDS}
    points = curve.keyframe_points
    points.clear()
    points.add(len(keys["co"]))
    # A new key has all values in common with the next: what it has anyway is not written, half of the time of a long curve.
    fresh = {field: getattr(points[0], field) for field in KEY_FIELDS if field not in PAIRS} if len(points) else {}
    automatic = [_enum("handle_left_type", name) for name in AUTOMATIC]
    free = ~np.isin(keys["handle_left_type"], automatic) | ~np.isin(keys["handle_right_type"], automatic)
    for field in KEY_FIELDS:
        if field in fresh:
            usual = _enum(field, fresh[field]) if field in WHOLE else fresh[field]
            is_needed = bool((keys[field] != usual).any())
        else:
            is_needed = field == "co" or bool(free.any())
        if is_needed:
            points.foreach_set(field, keys[field].ravel())
    curve.update()


def _join_ends(keys: dict[str, np.ndarray]) -> None:
    """Handles of the first and the last key on one line, as long as a third of the way to their neighbours."""
    steps = np.diff(keys["co"], axis=0)[[0, -1]]
    slope = float(np.mean(steps[:, 1] / steps[:, 0]))
    for end, step in zip((0, -1), steps, strict=True):
        reach = np.array([step[0], step[0] * slope]) / 3
        keys["handle_left"][end], keys["handle_right"][end] = keys["co"][end] - reach, keys["co"][end] + reach
        keys["handle_left_type"][end] = keys["handle_right_type"][end] = _enum("handle_left_type", "ALIGNED")


def _read_keys(curve: bpy.types.FCurve) -> dict[str, np.ndarray]:
    points, keys = curve.keyframe_points, {}
    for field in KEY_FIELDS:
        values = np.zeros(len(points) * (2 if field in PAIRS else 1), np.int32 if field in WHOLE else np.float32)
        points.foreach_get(field, values)
        keys[field] = values.reshape(-1, 2) if field in PAIRS else values
    return keys


def _enum(field: str, name: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[field].enum_items[name].value


def current_slot(owner: bpy.types.ID) -> Any:
    """The slot of its action that moves the owner, in Blenders whose actions have slots; or None."""
    return getattr(owner.animation_data, "action_slot", None)


def channels_of(action: bpy.types.Action, slot: Any, is_made: bool = False) -> Any:
    """What holds a slot's curves: since Blender 4.4 the slot's channels in the action's strip, or None, unless `is_made`."""
    if is_made and not action.layers:
        action.layers.new("Layer")
    if is_made and not action.layers[0].strips:
        action.layers[0].strips.new(type="KEYFRAME")
    bags = [strip.channelbag(slot, ensure=is_made) for layer in action.layers for strip in layer.strips]
    return next((bag for bag in bags if bag is not None), None)


def _channels(owner: bpy.types.ID) -> Any:
    """What holds the owner's curves: in Blender 4.2 the action. Or None."""
    action = owner.animation_data.action if owner.animation_data else None
    if action is None or not hasattr(action, "layers"):
        return action
    slot = current_slot(owner)
    return channels_of(action, slot) if slot is not None else None


def _new_curve(action: bpy.types.Action, owner: bpy.types.ID, path: str, index: int, group: str) -> bpy.types.FCurve:
    is_layered = hasattr(action, "fcurve_ensure_for_datablock")
    curve = action.fcurve_ensure_for_datablock(owner, path, index=index) if is_layered else action.fcurves.new(path, index=index)
    if group:
        groups = _channels(owner).groups
        curve.group = groups.get(group) or groups.new(group)
    return curve


def is_shared(owner: bpy.types.ID) -> bool:
    """Whether the owner's action moves another data-block too."""
    mine = owner.animation_data
    others = [
        block.animation_data for block in (*bpy.data.shape_keys, *bpy.data.objects) if block != owner and block.animation_data
    ]
    same = [other for other in others if other.action == mine.action]
    if hasattr(mine, "action_slot_handle"):
        same = [other for other in same if other.action_slot_handle == mine.action_slot_handle]
    return bool(same)

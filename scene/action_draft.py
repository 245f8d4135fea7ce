"""A data-block's action made anew beside the one that it has: the data-block moves as before until the draft takes over.

Rule of this file: so a long motion is written in steps, and whatever ends it early leaves no trace; a draft is known by its
session_uid, for an undo in a pause may take it away.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..core.errors import AnimationError
from .fcurves import Joined, channels_of, current_slot, is_shared, list_curves, replace_keys

CHANGED = "Keys were changed meanwhile: nothing was written, please import the capture again."


class ActionDraft:
    """The owner's action as it is, copied, or an empty one called `name`; curves are filled one by one."""

    def __init__(self, owner: bpy.types.ID, name: str) -> None:
        animation = owner.animation_data
        live = animation.action if animation else None
        self._seen = _stamp(owner)
        action = live.copy() if live is not None else bpy.data.actions.new(name)
        self._uid = action.session_uid
        self._slot = ""
        if hasattr(action, "slots"):
            slot = current_slot(owner)
            self._slot = slot.identifier if slot is not None else action.slots.new(owner.id_type, owner.name).identifier

    def fill(self, path: str, index: int, group: str, frames: np.ndarray, values: np.ndarray, joined: Joined) -> None:
        """Keys of one curve, as fcurves.replace_keys."""
        channels = self._channels()
        curve = next((curve for curve in channels.fcurves if (curve.data_path, curve.array_index) == (path, index)), None)
        if curve is None:
            curve = channels.fcurves.new(path, index=index)
            if group:
                curve.group = channels.groups.get(group) or channels.groups.new(group)
        replace_keys(curve, frames, values, joined)

    def require_unchanged(self, owner: bpy.types.ID) -> None:
        """Raises AnimationError when the owner's action was changed since the draft was made of it."""
        if _stamp(owner) != self._seen:
            raise AnimationError(CHANGED)

    def take_over(self, owner: bpy.types.ID) -> None:
        """The owner moves as the draft says; its former action goes where it moved nobody else, and its users get the draft."""
        draft, animation = self._find(), owner.animation_data or owner.animation_data_create()
        live = animation.action
        is_own = live is not None and live.is_editable and not is_shared(owner)
        animation.action = draft
        if self._slot:
            animation.action_slot = draft.slots[self._slot]
        if is_own:
            name = live.name
            draft.use_fake_user = live.use_fake_user
            live.user_remap(draft)
            bpy.data.actions.remove(live)
            draft.name = name

    def discard(self) -> None:
        """No trace of the draft."""
        if (draft := self._find_any()) is not None:
            bpy.data.actions.remove(draft)

    def _find_any(self) -> bpy.types.Action | None:
        return next((action for action in bpy.data.actions if action.session_uid == self._uid), None)

    def _find(self) -> bpy.types.Action:
        if (draft := self._find_any()) is None:
            raise AnimationError(CHANGED)
        return draft

    def _channels(self) -> Any:
        draft = self._find()
        return channels_of(draft, draft.slots[self._slot], is_made=True) if self._slot else draft


def _stamp(owner: bpy.types.ID) -> tuple[Any, ...]:
    """What tells the owner's motion from another."""
    animation = owner.animation_data
    action = animation.action if animation else None
    curves = tuple((curve.data_path, curve.array_index, len(curve.keyframe_points)) for curve in list_curves(owner))
    return (action.session_uid if action is not None else 0, curves)

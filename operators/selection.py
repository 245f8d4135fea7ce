"""Which head an operator works on: the one that the active object belongs to."""

from __future__ import annotations

from importlib import import_module

import bpy

from ..translations.sentences import translate_sentence

NO_HEAD = "Select a head that Likeness made"


def require_head(operator: type[bpy.types.Operator], context: bpy.types.Context, purpose: str = "") -> bool:
    """For poll(): whether a head is selected; if not, the tooltip says so.

    purpose: a module of scene/ whose why_not(head) has to find nothing against it: "skin", "identity", "correction".
    """
    from ..scene import head

    obj = head.find_head(context)
    if obj is None:
        operator.poll_message_set(NO_HEAD)
        return False
    reason = import_module(f"..scene.{purpose}", __package__).why_not(obj) if purpose else None
    if reason is not None:
        operator.poll_message_set(translate_sentence(reason))
    return reason is None


def find_object(uid: int) -> bpy.types.Object | None:
    """The object with this session_uid, whatever it is called now."""
    return next((obj for obj in bpy.data.objects if obj.session_uid == uid), None)

"""Which head an operator works on: the one that the active object belongs to."""

from __future__ import annotations

import bpy

NO_HEAD = "Select a head that Likeness made"


def require_head(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For poll(): whether a head is selected; if not, the tooltip says so."""
    from ..scene import head

    if head.find_head(context) is None:
        operator.poll_message_set(NO_HEAD)
        return False
    return True


def find_object(uid: int) -> bpy.types.Object | None:
    """The object with this session_uid, whatever it is called now."""
    return next((obj for obj in bpy.data.objects if obj.session_uid == uid), None)

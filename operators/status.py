"""The status bar's text, in every workspace where one was put, and taken away again.

Rule of this file: Blender gives a text to the workspace that is shown, and takes it only from that; so a text that was left in
another one waits for the moment when that is shown again.
"""

from __future__ import annotations

import bpy

_left: set[str] = set()
"""Workspaces that show our text, or will when somebody turns to them."""
_owner = object()


def set_status(context: bpy.types.Context, status: str | None) -> None:
    """Put a text into the status bar; None: Blender's own."""
    if status is None:
        _clear()
    elif context.workspace is not None:
        context.workspace.status_text_set(status)
        _left.add(context.workspace.name)


def _clear() -> None:
    """Take our text from the workspaces that are shown; look again when others are."""
    for window in bpy.context.window_manager.windows:
        if window.workspace.name in _left:
            with bpy.context.temp_override(window=window):
                window.workspace.status_text_set(None)
            _left.discard(window.workspace.name)
    _left.intersection_update(bpy.data.workspaces.keys())
    bpy.msgbus.clear_by_owner(_owner)
    if _left:
        bpy.msgbus.subscribe_rna(key=(bpy.types.Window, "workspace"), owner=_owner, args=(), notify=_look_again)


def _look_again() -> None:
    if not bpy.context.window_manager.likeness_job.is_running:
        _clear()


def forget() -> None:
    """For unregister(): nothing waits any more."""
    _clear()
    bpy.msgbus.clear_by_owner(_owner)
    _left.clear()

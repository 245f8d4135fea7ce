"""All of a change or none of it: data-blocks that a failed job made are taken away again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ..core.errors import SceneError

COLLECTIONS = (
    "objects", "collections", "meshes", "armatures", "cameras", "lights", "materials", "images", "node_groups", "actions",
)  # fmt: skip


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """When the block raises, every data-block that was made in it is removed and the active object is as before."""
    before = {name: {block.as_pointer() for block in getattr(bpy.data, name)} for name in COLLECTIONS}
    layer = bpy.context.view_layer
    active, selected = layer.objects.active, list(layer.objects.selected)
    try:
        yield
    except BaseException:
        made = [block for name in COLLECTIONS for block in getattr(bpy.data, name) if block.as_pointer() not in before[name]]
        bpy.data.batch_remove(made)
        layer.objects.active = active
        for obj in selected:
            obj.select_set(True)
        raise


@contextmanager
def pauses_without_undo() -> Iterator[Callable[[], None]]:
    """For work with pauses: what it gives is called after each, and raises SceneError where an undo or redo came in between,
    which makes other data-blocks of all that the work holds."""
    has_come = False

    def note(*_: Any) -> None:
        nonlocal has_come
        has_come = True

    def check() -> None:
        if has_come:
            raise SceneError("An undo came in between: nothing was changed, please try again.")

    handlers = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post)
    for listed in handlers:
        listed.append(note)
    try:
        yield check
    finally:
        for listed in handlers:
            if note in listed:
                listed.remove(note)

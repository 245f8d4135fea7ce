"""All of a change or none of it: data-blocks that a failed job made are taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

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

"""Whether a head's data is this file's own and its alone: what is linked or shared is edited elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

LINKED = "This head is linked from another file: edit it there, or make it local (Object > Relations > Make Local > All)"
SHARED = "This head shares its mesh with another object: Object > Relations > Make Single User > Object & Data first"


def why_not(obj: bpy.types.Object, blocks: Iterable[bpy.types.ID]) -> str | None:
    """Why the head and these data-blocks of its cannot be changed, as a sentence for the user; None when they can be."""
    if any(block.library or block.override_library for block in (obj, obj.data, *blocks)):
        return LINKED
    return SHARED if obj.data.users > 1 else None

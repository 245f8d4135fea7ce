"""Where a new head stands: at the origin, or beside what is there already, so that nothing hides it.

Rule of this file: world-space boxes [2, 3] m (lowest and highest corner); it reads the scene and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import bpy
import numpy as np
from mathutils import Vector

SPACING_M = 0.4
"""Places lie this far apart along +X."""
GAP_M = 0.05
NUM_PLACES = 10
"""Places tried. What meets all of them (a floor, a room) is the surroundings, not an obstacle."""
SOLID_TYPES = {"MESH", "CURVE", "SURFACE", "META", "FONT"}


def find_place(context: bpy.types.Context, obj: bpy.types.Object, heads: Sequence[bpy.types.Object]) -> float:
    """The x of the first place that is free for the head `obj`, which stands at the origin of an up-to-date view layer.

    Never in one of `heads`, hidden or not; in another visible object only where all NUM_PLACES are taken.
    """
    box = world_box(obj)
    taken = [world_box(head) for head in heads]
    visible = [other for other in context.view_layer.objects if _hides(other) and other != obj and other not in heads]
    places = [_step(box, i) for i in range(NUM_PLACES)]
    obstacles = [b for b in map(world_box, visible) if not all(_meet(place, b) for place in places)]
    free = next((i for i, place in enumerate(places) if not any(_meet(place, b) for b in [*taken, *obstacles])), None)
    if free is None:
        free = next(i for i in count() if not any(_meet(_step(box, i), head) for head in taken))
    return free * SPACING_M


def _step(box: np.ndarray, steps: int) -> np.ndarray:
    return box + np.array([steps * SPACING_M, 0, 0])


def _hides(obj: bpy.types.Object) -> bool:
    return obj.type in SOLID_TYPES and obj.visible_get() and any(obj.dimensions)


def world_box(obj: bpy.types.Object) -> np.ndarray:
    """The box [2, 3] around an object's bounding box, in world axes."""
    corners = np.array([obj.matrix_world @ Vector(corner) for corner in obj.bound_box])
    return np.stack([corners.min(0), corners.max(0)])


def _meet(place: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes share a point or come nearer than GAP_M along X."""
    gap = np.array([GAP_M, 0, 0])
    return bool((place[0] - gap <= other[1]).all() and (other[0] <= place[1] + gap).all())

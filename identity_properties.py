"""The sliders of a head's identity and its locks, on every object: Object.likeness_identity.

Rule of this file: a slider stores nothing. What it shows is read from the head, what is dragged moves the head at once; so
sliders cannot disagree with each other or with the mesh, and follow undo, files and the active object by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, PointerProperty

from .core.identity.catalogue import GROUPS, LOCKS, NUM_SHAPE_AXES, SHAPE_RANGE, TRAITS, Trait
from .translations import CONTEXT

LOCK_PREFIX = "lock_"
AXIS_PREFIX = "shape_"
SLIDERS = {group: tuple(trait.name for trait in TRAITS if trait.group == group) for group in GROUPS} | {
    "Shape Axes": tuple(f"{AXIS_PREFIX}{axis + 1}" for axis in range(NUM_SHAPE_AXES))
}
"""Group -> its sliders' property names, in the panel's order."""
BEYOND = 0.25
"""Typed values may go beyond a slider's ends by this share of its range."""
SUBTYPES = {"mm": "DISTANCE_CAMERA", "share": "FACTOR"}
PRECISION = {"mm": 3, "years": 0}
NOT_ANIMATED: set[str] = set()
"""Options of properties that take no keyframes."""


def locked_regions(identity: bpy.types.PropertyGroup) -> frozenset[str]:
    """Names of the locks that are set."""
    return frozenset(lock.name for lock in LOCKS if getattr(identity, LOCK_PREFIX + lock.name))


def _trait_property(trait: Trait) -> Any:
    def get(self: bpy.types.PropertyGroup) -> float:
        from .scene import identity

        return identity.get_trait(self.id_data, trait.name)

    def set(self: bpy.types.PropertyGroup, value: float) -> None:
        from .scene import identity

        _change(self, lambda obj, locks: identity.set_trait(obj, trait.name, value, locks))

    beyond = BEYOND * (trait.highest - trait.lowest)
    return FloatProperty(
        name=trait.label, description=trait.description, translation_context=CONTEXT, get=get, set=set, options=NOT_ANIMATED,
        min=trait.lowest - beyond, max=trait.highest + beyond, soft_min=trait.lowest, soft_max=trait.highest,
        subtype=SUBTYPES.get(trait.unit, "NONE"), precision=PRECISION.get(trait.unit, 2),
    )  # fmt: skip


def _axis_property(axis: int) -> Any:
    def get(self: bpy.types.PropertyGroup) -> float:
        from .scene import identity

        return identity.get_axis(self.id_data, axis)

    def set(self: bpy.types.PropertyGroup, value: float) -> None:
        from .scene import identity

        _change(self, lambda obj, locks: identity.set_axis(obj, axis, value, locks))

    said = "An axis of the shape space, in standard deviations: heads differ most along the first axes"
    return FloatProperty(
        name=f"Shape {axis + 1}", description=said, get=get, set=set, options=NOT_ANIMATED,
        min=-2 * SHAPE_RANGE, max=2 * SHAPE_RANGE, soft_min=-SHAPE_RANGE, soft_max=SHAPE_RANGE, precision=2,
    )  # fmt: skip


def _change(group: bpy.types.PropertyGroup, change: Callable[[bpy.types.Object, frozenset[str]], None]) -> None:
    """A slider of a head that cannot be edited stays where it is; the panel says why."""
    from .scene import head, identity

    if head.is_head(group.id_data) and identity.why_not(group.id_data) is None:
        change(group.id_data, locked_regions(group))


class LikenessIdentity(bpy.types.PropertyGroup):
    """Who a head is: named traits, shape axes, locks, and how the next re-roll is drawn."""

    __annotations__ = (
        {trait.name: _trait_property(trait) for trait in TRAITS}
        | {f"{AXIS_PREFIX}{axis + 1}": _axis_property(axis) for axis in range(NUM_SHAPE_AXES)}
        | {
            LOCK_PREFIX + lock.name: BoolProperty(
                name=lock.label,
                translation_context=CONTEXT,
                description="Keep this as it is while sliders move or the head is re-rolled",
                options=NOT_ANIMATED,
            )
            for lock in LOCKS
        }
        | {
            "seed": IntProperty(
                name="Seed", description="Who is drawn next: the same seed always draws the same person", min=0,
                options=NOT_ANIMATED,
            ),
            "strength": FloatProperty(
                name="Strength", description="How far from the present person the next is drawn: 1 is somebody else altogether",
                default=0.85, min=0.0, max=1.0, subtype="FACTOR", options=NOT_ANIMATED,
            ),
            "keep_person": BoolProperty(
                name="Keep Sex, Age and Weight", default=True, options=NOT_ANIMATED,
                description="Draw people of the same sex, age, weight and ancestry, whom the skin suits",
            ),
        }
    )  # fmt: skip


def attach() -> None:
    """Hang the group on Blender's objects: Object.likeness_identity."""
    bpy.types.Object.likeness_identity = PointerProperty(type=LikenessIdentity)


def detach() -> None:
    """Take it away again."""
    del bpy.types.Object.likeness_identity


CLASSES = (LikenessIdentity,)

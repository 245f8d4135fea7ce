"""The sliders of a head's skin: Object.likeness_skin, and the same of the active head as WindowManager.likeness_skin.

Rule of this file: a slider stores nothing. It shows what is painted or what is asked for (scene/skin.py); moving one asks, and a
moment after it came to rest the worker paints. The panel draws the window manager's, whose changes are no steps to undo: the
painted skin is the one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import FloatProperty, FloatVectorProperty, PointerProperty

from .core.appearance.catalogue import GROUPS, NUMBERS, SkinNumber
from .translations import CONTEXT

TONE, COLOUR, MELANIN = "tone", "colour", "melanin"
SLIDERS = {
    group: tuple(TONE if number.name == MELANIN else number.name for number in NUMBERS if number.group == group)
    for group in GROUPS
}
"""Group -> its sliders' property names, in the panel's order."""
NOT_ANIMATED: set[str] = set()
"""Options of properties that take no keyframes."""


def number_of_slider(name: str) -> str:
    """The slider's number of the skin (core/appearance/catalogue.py)."""
    return MELANIN if name == TONE else name


def _find_head(group: bpy.types.PropertyGroup) -> bpy.types.Object | None:
    from .scene import head

    owner = group.id_data
    obj = head.find_head(bpy.context) if isinstance(owner, bpy.types.WindowManager) else owner
    return obj if head.is_head(obj) else None


def _show(group: bpy.types.PropertyGroup, number: SkinNumber) -> float:
    from .scene import skin

    obj = _find_head(group)
    return number.usual if obj is None else skin.shown_number(obj, number.name)


def _ask(group: bpy.types.PropertyGroup, name: str, value: float) -> None:
    from .scene import skin

    _change(group, lambda obj: skin.wish(obj, {name: value}))


def _change(group: bpy.types.PropertyGroup, change: Callable[[bpy.types.Object], None]) -> None:
    """A slider of a head whose skin cannot be changed stays where it is; the panel says why."""
    from .operators import restyle_skin
    from .scene import skin

    obj = _find_head(group)
    if obj is not None and skin.why_not(obj) is None:
        change(obj)
        restyle_skin.ask(obj)


def _number_property(number: SkinNumber) -> Any:
    def get(self: bpy.types.PropertyGroup) -> float:
        return _show(self, number)

    def set(self: bpy.types.PropertyGroup, value: float) -> None:
        _ask(self, number.name, value)

    return FloatProperty(
        name=number.label, description=number.description, translation_context=CONTEXT, get=get, set=set, options=NOT_ANIMATED,
        min=number.lowest, max=number.highest, precision=number.decimals,
    )  # fmt: skip


def _tone_property() -> Any:
    melanin = next(number for number in NUMBERS if number.name == MELANIN)

    def get(self: bpy.types.PropertyGroup) -> float:
        from .core.appearance.skin import tone_of_melanin

        return tone_of_melanin(_show(self, melanin))

    def set(self: bpy.types.PropertyGroup, value: float) -> None:
        from .core.appearance.skin import melanin_of_tone

        _ask(self, MELANIN, melanin_of_tone(value))

    return FloatProperty(
        name="Tone", get=get, set=set, translation_context=CONTEXT, options=NOT_ANIMATED,
        min=0.0, max=1.0, subtype="FACTOR", precision=2,
        description="How deep the skin's colour is: 0 the palest people's, 1 the deepest, as evenly as it looks (the melanin)",
    )  # fmt: skip


def _colour_property() -> Any:
    def get(self: bpy.types.PropertyGroup) -> tuple[float, float, float]:
        from .scene import skin

        obj = _find_head(self)
        return (0.0, 0.0, 0.0) if obj is None else tuple(skin.shown_colour(obj))

    def set(self: bpy.types.PropertyGroup, value: tuple[float, float, float]) -> None:
        from .scene import skin

        _change(self, lambda obj: skin.wish_colour(obj, value))

    return FloatVectorProperty(
        name="Bare Skin", description="The skin's colour between its marks, shown at once; choose another, and tone and blood "
        "become the nearest that skin can have",
        subtype="COLOR", size=3, min=0.0, max=1.0, get=get, set=set, options=NOT_ANIMATED,
    )  # fmt: skip


class LikenessSkin(bpy.types.PropertyGroup):
    """A head's skin in the numbers that can be changed."""

    __annotations__ = {number.name: _number_property(number) for number in NUMBERS} | {
        TONE: _tone_property(),
        COLOUR: _colour_property(),
    }


def attach() -> None:
    """Hang the group on Blender's types."""
    bpy.types.Object.likeness_skin = PointerProperty(type=LikenessSkin)
    bpy.types.WindowManager.likeness_skin = PointerProperty(type=LikenessSkin)


def detach() -> None:
    """Take it away again."""
    del bpy.types.WindowManager.likeness_skin
    del bpy.types.Object.likeness_skin


CLASSES = (LikenessSkin,)

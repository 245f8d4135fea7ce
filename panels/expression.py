"""Expression: the face at rest, as in the photo, as a preset says, unit by unit, or as it speaks."""

from __future__ import annotations

import bpy

from ..translations import CONTEXT
from .drawing import HeadPanel, PresetMenu, draw_presets

UNITS = (
    ("Brows", (("Lower", "browDown"), ("Raise Inside", "browInnerUp"), ("Raise Outside", "browOuterUp"))),
    (
        "Eyes",
        (
            ("Close", "eyeBlink"), ("Squint", "eyeSquint"), ("Widen", "eyeWide"), ("Look Up", "eyeLookUp"),
            ("Look Down", "eyeLookDown"), ("Look In", "eyeLookIn"), ("Look Out", "eyeLookOut"),
        ),
    ),
    (
        "Mouth",
        (
            ("Smile", "mouthSmile"), ("Frown", "mouthFrown"), ("Dimple", "mouthDimple"), ("Stretch", "mouthStretch"),
            ("Press", "mouthPress"), ("Upper Lip Up", "mouthUpperUp"), ("Lower Lip Down", "mouthLowerDown"),
            ("Aside", "mouth"), ("Pucker", "mouthPucker"), ("Funnel", "mouthFunnel"), ("Roll Upper Lip", "mouthRollUpper"),
            ("Roll Lower Lip", "mouthRollLower"), ("Shrug Upper Lip", "mouthShrugUpper"),
            ("Shrug Lower Lip", "mouthShrugLower"), ("Close over Jaw", "mouthClose"),
        ),
    ),
    ("Jaw and Tongue", (("Open", "jawOpen"), ("Aside", "jaw"), ("Forward", "jawForward"), ("Tongue Out", "tongueOut"))),
    ("Cheeks and Nose", (("Puff", "cheekPuff"), ("Raise", "cheekSquint"), ("Sneer", "noseSneer"))),
)  # fmt: skip
"""Group -> (label, ARKit's unit; of a pair of sides, what both names begin with)."""
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")


class LIKENESS_MT_expression_presets(PresetMenu, bpy.types.Menu):
    """Expressions to show on the selected head"""

    bl_idname = "LIKENESS_MT_expression_presets"
    preset_subdir = "likeness/expression"
    preset_operator = "likeness.apply_expression_preset"


class LIKENESS_PT_expression(HeadPanel, bpy.types.Panel):
    """What the selected head's face shows"""

    bl_idname = "LIKENESS_PT_expression"
    bl_label = "Expression"

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head

        obj = head.find_head(context)
        column = self.layout.column(align=True)
        row = column.row(align=True)
        row.operator("likeness.apply_expression", text="Neutral").expression = "NEUTRAL"
        photo = row.row(align=True)
        photo.enabled = head.has_photo(obj)
        photo.operator("likeness.apply_expression", text="Photo").expression = "PHOTO"
        row.operator("likeness.random_expression", text="Random", icon="FILE_REFRESH")
        draw_presets(column, LIKENESS_MT_expression_presets, "likeness.expression_preset_add")
        row = column.row(align=True)
        row.operator_menu_enum("likeness.mirror_expression", "sides", text="Mirror", icon="MOD_MIRROR")
        self._draw_units(obj)

    def _draw_units(self, obj: bpy.types.Object) -> None:
        keys = obj.data.shape_keys
        if keys is None:
            return
        for group, units in UNITS:
            header, body = self.layout.panel(f"likeness_expression_{group.split()[0].lower()}", default_closed=True)
            header.label(text=group, text_ctxt=CONTEXT)
            if body is None:
                continue
            body.use_property_split = True
            body.use_property_decorate = False
            column = body.column(align=True)
            for label, unit in units:
                self._draw_unit(column, keys.key_blocks, label, unit)
        draw_visemes(self.layout, obj)

    def _draw_unit(self, column: bpy.types.UILayout, keys: bpy.types.bpy_prop_collection, label: str, unit: str) -> None:
        """One slider, or the person's right and left side by side, as one who faces the person sees them."""
        sides = [key for key in (keys.get(f"{unit}Right"), keys.get(f"{unit}Left")) if key is not None]
        if keys.get(unit) is not None:
            column.prop(keys[unit], "value", text=label, text_ctxt=CONTEXT, slider=True)
        elif sides:
            row = column.row(align=True)
            for number, key in enumerate(sides):
                row.prop(key, "value", text="" if number else label, text_ctxt=CONTEXT, slider=True)


def draw_visemes(layout: bpy.types.UILayout, obj: bpy.types.Object) -> None:
    """A button a viseme, which the units show; then the keys of their own, or the button that makes them."""
    from ..scene import visemes

    header, body = layout.panel("likeness_expression_visemes", default_closed=True)
    header.label(text="Visemes", text_ctxt=CONTEXT)
    if body is None:
        return
    flow = body.grid_flow(columns=5, row_major=True, even_columns=True, align=True)
    for name in VISEMES:
        flow.operator("likeness.apply_viseme", text=name, translate=False).viseme = name
    column = body.column(align=True)
    keys = visemes.find_keys(obj)
    for key in keys:
        column.prop(key, "value", text=key.name, translate=False, slider=True)
    column.operator(f"likeness.{'remove' if keys else 'add'}_visemes", icon="REMOVE" if keys else "ADD")


CLASSES = (LIKENESS_MT_expression_presets, LIKENESS_PT_expression)

"""Result: how sure the head is, what was seen and what was invented."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .drawing import HeadPanel, draw_sentence

CONFIDENCE_WORDS = (
    (0.85, "Very sure", "CHECKMARK"),
    (0.5, "Fairly sure", "CHECKMARK"),
    (0.25, "Unsure", "QUESTION"),
    (0.0, "A guess", "ERROR"),
)


class LIKENESS_PT_result(HeadPanel, bpy.types.Panel):
    """How sure the selected head is"""

    bl_idname = "LIKENESS_PT_result"
    bl_label = "Result"

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, provenance

        self._draw_result(context, provenance.read_provenance(head.find_head(context)))
        self._draw_shading(context.space_data.shading)
        column = self.layout.column(align=True)
        column.operator("likeness.look_through_photo", icon="VIEW_CAMERA")
        row = column.row(align=True)
        row.operator("likeness.correct_landmarks", icon="PIVOT_CURSOR")
        row.operator("likeness.repaint", text="Repaint", icon="BRUSH_DATA")
        self.layout.operator("likeness.remove_head", icon="TRASH")

    def _draw_shading(self, shading: bpy.types.View3DShading) -> None:
        if shading.type == "SOLID":
            row = self.layout.row(align=True)
            row.prop_enum(shading, "color_type", "MATERIAL", text="Plain")
            row.prop_enum(shading, "color_type", "TEXTURE", text="Textured")

    def _draw_result(self, context: bpy.types.Context, provenance: dict) -> None:
        confidence = provenance.get("confidence")
        box = self.layout.box()
        if confidence is None:
            box.label(text="Not made from a photo", icon="USER")
            return
        _, words, icon = next(entry for entry in CONFIDENCE_WORDS if confidence >= entry[0])
        seconds = sum(provenance.get("times_s", {}).values())
        timed = iface_("{words} ({share:.0%}), made in {seconds:.1f} s")
        said = timed.format(words=iface_(words), share=confidence, seconds=seconds)
        box.label(text=said if seconds else f"{iface_(words)} ({confidence:.0%})", icon=icon, translate=False)
        if "expected_shape_error_mm" in provenance:
            parts = ", ".join(f"{share:.0%} {iface_(name)}" for name, share in provenance["face_shares"].items())
            said = iface_("Shape within about {error:.1f} mm. Of the face {parts}")
            draw_sentence(box, context, said.format(error=provenance["expected_shape_error_mm"], parts=parts), "HIDE_OFF")
        for warning in provenance.get("warnings", ()):
            draw_sentence(box, context, warning, "INFO")


CLASSES = (LIKENESS_PT_result,)

"""Animation: keyframes of what the face shows, a recorded face, idle motion, and playing it."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .drawing import HeadPanel


class LIKENESS_PT_animation(HeadPanel, bpy.types.Panel):
    """The selected head in motion"""

    bl_idname = "LIKENESS_PT_animation"
    bl_label = "Animation"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import animation, head

        scene, layout = context.scene, self.layout
        keyed = animation.key_range(head.find_head(context))
        column = layout.column(align=True)
        column.operator("likeness.key_expression", icon="KEY_HLT")
        column.operator("likeness.import_face_capture", text="Import Face Capture...", icon="IMPORT")
        column.operator("likeness.idle_motion", icon="FILE_REFRESH")
        column = layout.column(align=True)
        row = column.row(align=True)
        is_playing = context.screen is not None and context.screen.is_animation_playing
        row.operator("screen.frame_jump", text="", icon="REW").end = False
        row.operator("screen.animation_play", text="Pause" if is_playing else "Play", icon="PAUSE" if is_playing else "PLAY")
        row.prop(scene, "frame_current", text="")
        row = column.row(align=True)
        row.prop(scene, "frame_start", text="Start")
        row.prop(scene, "frame_end", text="End")
        if keyed is None:
            return
        row = layout.row()
        said = iface_("Keys from frame {first:.0f} to {last:.0f}").format(first=keyed[0], last=keyed[1])
        row.label(text=said, translate=False)
        row.operator("likeness.clear_animation", text="", icon="TRASH")


CLASSES = (LIKENESS_PT_animation,)

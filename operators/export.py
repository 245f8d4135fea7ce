"""Write one head to a file for other programs."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..properties import RELATIVE_PATH
from .selection import require_head
from .telling import describe_error

FORMATS = (
    ("glb", "glTF Binary (.glb)", "Mesh, textures, skeleton and 52 morph targets in one file: game engines and the web"),
    ("fbx", "FBX (.fbx)", "Mesh, textures, skeleton and 52 blend shapes: Maya, Unreal, Unity"),
    ("obj", "Wavefront OBJ (.obj)", "The mesh as it is now, with its texture: sculpting and printing"),
    ("npz", "NumPy (.npz)", "Vertices, texture, camera, light and codes as arrays: measuring and learning"),
    ("blend", "Blender (.blend)", "The head alone in a file of its own, to open, append or link"),
)
STILL = ("glb", "fbx")
"""Formats that can hold an animation, and are written without one."""


class LIKENESS_OT_export_head(bpy.types.Operator):
    """Write this head to a file for other programs"""

    bl_idname = "likeness.export_head"
    bl_label = "Export Head"
    bl_options = {"REGISTER"}

    filepath: StringProperty(
        name="File", description="Where to write", subtype="FILE_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH
    )
    format: EnumProperty(name="Format", description="What to write", items=FORMATS, default="glb")
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(next(text for key, _, text in FORMATS if key == properties.format))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask where to write."""
        from ..scene import head

        if not self.filepath:
            self.filepath = f"{head.find_head(context).name}.{self.format}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        """Keep the file's ending in step with the format."""
        filepath = bpy.path.ensure_ext(str(Path(self.filepath).with_suffix("")), f".{self.format}")
        is_changed = filepath != self.filepath
        self.filepath = filepath
        return is_changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file; a failure leaves what was there."""
        from ..scene import animation, export, head

        obj = head.find_head(context)
        try:
            target = export.export_head(obj, bpy.path.abspath(self.filepath), self.format)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        self.report({"INFO"}, rpt_("Wrote {file}").format(file=target))
        if self.format in STILL and animation.is_animated(obj):
            self.report({"WARNING"}, rpt_("Without the animation: File > Export > glTF 2.0 or FBX takes it along"))
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_export_head,)

"""The head seen as its photo's camera saw it."""

from __future__ import annotations

import bpy

from .selection import require_head


class LIKENESS_OT_look_through_photo(bpy.types.Operator):
    """Make the photo's camera the scene's, in the photo's resolution, and look through it: the head lies on its photo"""

    bl_idname = "likeness.look_through_photo"
    bl_label = "Look through the Photo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not require_head(cls, context):
            return False
        from ..scene import head

        if head.head_camera(head.find_head(context)) is None:
            cls.poll_message_set("This head has no photo, or its photo's camera is gone")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The scene's camera and resolution, and the 3D view that this was pressed in."""
        from ..scene import camera, head

        photo_camera = head.head_camera(head.find_head(context))
        camera.match_render(context.scene, photo_camera)
        if context.area is not None and context.area.type == "VIEW_3D":
            turn_to_camera(context, photo_camera)
        return {"FINISHED"}


def turn_to_camera(context: bpy.types.Context, camera: bpy.types.Object) -> None:
    """Let the 3D view look through the scene's camera, with all of its frame in sight."""
    space = context.area.spaces.active
    if space.use_local_camera:
        space.camera = camera
    space.region_3d.view_perspective = "CAMERA"
    region = next(region for region in context.area.regions if region.type == "WINDOW")
    with context.temp_override(region=region):
        if bpy.ops.view3d.view_center_camera.poll():
            bpy.ops.view3d.view_center_camera()


CLASSES = (LIKENESS_OT_look_through_photo,)

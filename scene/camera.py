"""The photo's camera in the scene, with the photo as its background.

Rule of this file: the user's render settings change only on request (match_render); the camera keeps the photo's size as
a property, so that the request can come at any time.
"""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ..core.types import Camera
from .convert import camera_to_lens

SIZE_PROPERTY = "likeness_size_px"
ASPECT_PROPERTY = "likeness_pixel_aspect_y"
RENDER_SETTINGS = ("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y")
"""What match_render changes beside the scene's camera."""


def create_camera(camera: Camera, name: str, photo: bpy.types.Image | None) -> bpy.types.Object:
    """A camera object (linked to no scene yet) that sees what `camera` saw; photo: its background image."""
    lens = camera_to_lens(camera)
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = lens.sensor_width_mm
    data.lens = lens.lens_mm
    data.shift_x, data.shift_y = lens.shift_x, lens.shift_y
    data.clip_start, data.clip_end = 0.01, 100.0
    data.display_size = 0.05
    if photo is not None:
        background = data.background_images.new()
        background.image = photo
        background.alpha = 1.0
        background.display_depth = "BACK"
        background.frame_method = "CROP"
        data.show_background_images = True
    obj = bpy.data.objects.new(name, data)
    obj.matrix_world = Matrix(lens.matrix_world.tolist())
    obj[SIZE_PROPERTY] = list(lens.size)
    obj[ASPECT_PROPERTY] = lens.pixel_aspect_y
    return obj


def match_render(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    """Makes `camera` the scene's, and the render as large as its photo: a render then lies on the photo pixel by pixel."""
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = camera[SIZE_PROPERTY]
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = 1.0, camera[ASPECT_PROPERTY]
    if camera[ASPECT_PROPERTY] < 1.0:
        scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = 1.0 / camera[ASPECT_PROPERTY], 1.0

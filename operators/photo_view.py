"""A 3D view turned to a head's photo for a while: camera, zoom, overlays, the photo in front; everything as it was afterwards."""

from __future__ import annotations

from contextlib import suppress
from math import sqrt
from typing import Any

import bpy
from bpy_extras import view3d_utils
from mathutils import Vector

from .selection import find_object

FACE_SHARE = 0.7
PHOTO_SETTINGS = ("display_depth", "alpha")
OVERLAYS = {"show_overlays": True, "show_bones": False, "show_cursor": False, "show_relationship_lines": False}
"""The photo is an overlay; what else is drawn over the head would be in the way."""
PHOTO_ALPHA = (0.6, 0.15)
"""How strongly the photo covers the head; Tab goes from one to the next."""
VIEW_SETTINGS = (
    "view_perspective", "view_camera_zoom", "view_camera_offset", "view_location", "view_rotation", "view_distance",
)  # fmt: skip
"""In the order in which they are put back: leaving the camera moves the view."""
ZOOM_RANGE = (-30.0, 600.0)
OFFSET_STEP = 0.05


class PhotoView:
    """A 3D view turned to a head's photo, and everything as it was afterwards."""

    def __init__(self, context: bpy.types.Context, obj: bpy.types.Object) -> None:
        from ..scene import camera, head

        self.area = context.area
        scene, photo_camera = context.scene, head.head_camera(obj)
        self._scene, self._camera, self._alpha = scene.session_uid, photo_camera.session_uid, 0
        self._scene_camera = scene.camera.session_uid if scene.camera else 0
        self._render = {name: getattr(scene.render, name) for name in camera.RENDER_SETTINGS}
        self._photo = {name: getattr(self.background, name) for name in PHOTO_SETTINGS} if self.background else {}
        self._view = {name: _copy(getattr(self.region_3d, name)) for name in VIEW_SETTINGS}
        self._overlays = {name: getattr(self.overlay, name) for name in OVERLAYS}
        for name, value in OVERLAYS.items():
            setattr(self.overlay, name, value)
        self._hidden = {"hide_viewport": photo_camera.hide_viewport}, photo_camera.hide_get()
        photo_camera.hide_viewport = False
        photo_camera.hide_set(False)  # Blender shows no photo of a hidden camera
        camera.match_render(scene, photo_camera)
        self.region_3d.view_perspective = "CAMERA"
        if self.background:
            self.background.display_depth, self.background.alpha = "FRONT", PHOTO_ALPHA[0]

    @property
    def region(self) -> bpy.types.Region:
        return next(region for region in self.area.regions if region.type == "WINDOW")

    @property
    def region_3d(self) -> bpy.types.RegionView3D:
        return self.area.spaces.active.region_3d

    @property
    def overlay(self) -> bpy.types.View3DOverlay:
        return self.area.spaces.active.overlay

    @property
    def background(self) -> bpy.types.CameraBackgroundImage | None:
        """The photo in the camera: looked up each time, for undo makes another of it."""
        camera = find_object(self._camera)
        return camera.data.background_images[0] if camera is not None and camera.data.background_images else None

    def frame(self, places: list[Vector]) -> None:
        """Zoom and shift so that these places of the world take FACE_SHARE of the region's height, in its middle."""
        view = self.region_3d
        view.update()
        low, high = self._bounds(places)
        size = FACE_SHARE * self.region.height / max((high - low).y, 1.0)
        view.view_camera_zoom = min(max(_zoom_of(_scale_of(view.view_camera_zoom) * size), ZOOM_RANGE[0]), ZOOM_RANGE[1])
        middle = Vector((self.region.width, self.region.height)) / 2
        for axis in (0, 1):
            offset = list(view.view_camera_offset)
            view.update()
            before = sum(self._bounds(places), Vector((0, 0)))[axis] / 2
            offset[axis] += OFFSET_STEP
            view.view_camera_offset = offset
            view.update()
            moved = sum(self._bounds(places), Vector((0, 0)))[axis] / 2 - before
            offset[axis] += OFFSET_STEP * ((middle[axis] - before) / moved - 1) if moved else 0.0
            view.view_camera_offset = offset
        view.update()

    def _bounds(self, places: list[Vector]) -> tuple[Vector, Vector]:
        """The lowest and highest pixel of places in the region."""
        seen = [view3d_utils.location_3d_to_region_2d(self.region, self.region_3d, place) for place in places]
        xs, ys = zip(*((place.x, place.y) for place in seen if place is not None), strict=True)
        return Vector((min(xs), min(ys))), Vector((max(xs), max(ys)))

    @property
    def corner(self) -> Vector:
        """The region's lower left corner in the window."""
        return Vector((self.region.x, self.region.y))

    def is_there(self, context: bpy.types.Context) -> bool:
        """Whether the area still shows a 3D view."""
        areas = [area for window in context.window_manager.windows for area in window.screen.areas]
        return self.area in areas and self.area.type == "VIEW_3D"

    def is_outside(self, event: bpy.types.Event) -> bool:
        """Whether the pointer is over another area, or over a sidebar or header of this one."""

        def is_inside(region: bpy.types.Region) -> bool:
            x, y = event.mouse_x - region.x, event.mouse_y - region.y
            return 0 <= x < region.width and 0 <= y < region.height

        covering = [region for region in self.area.regions if region.type != "WINDOW" and region.width > 1]
        return not is_inside(self.region) or any(is_inside(region) for region in covering)

    def next_alpha(self) -> None:
        """More of the head, or more of the photo."""
        self._alpha = (self._alpha + 1) % len(PHOTO_ALPHA)
        if self.background:
            self.background.alpha = PHOTO_ALPHA[self._alpha]

    def restore(self) -> None:
        """Everything as it was, but for what is gone."""
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene), None)
        settings = [(self.background, self._photo)]
        hides, is_hidden = self._hidden
        if (photo_camera := find_object(self._camera)) is not None:
            with suppress(RuntimeError):  # of a scene that is not shown any more
                photo_camera.hide_set(is_hidden)
            settings.append((photo_camera, hides))
        if scene is not None:
            scene.camera = find_object(self._scene_camera)
            settings.append((scene.render, self._render))
        if self.is_there(bpy.context):
            settings += [(self.region_3d, self._view), (self.overlay, self._overlays)]
        for owner, values in settings:
            for name, value in values.items():
                setattr(owner, name, value)


def _copy(value: Any) -> Any:
    """A view's setting as a value of its own: vectors are Blender's memory, which changes."""
    if isinstance(value, (str, float)):
        return value
    return value.copy() if hasattr(value, "copy") else tuple(value)


def _scale_of(zoom: float) -> float:
    """RegionView3D.view_camera_zoom -> how large the camera's frame is drawn."""
    return (sqrt(2) + zoom / 50) ** 2 / 4


def _zoom_of(scale: float) -> float:
    return (2 * sqrt(scale) - sqrt(2)) * 50

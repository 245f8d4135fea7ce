"""Points of the face pulled to where they lie in the photo, in the photo's camera view; the head follows each pull.

Points that were pulled before are there again, and hold (the rule of pins: scene/correction.py).
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from math import sqrt
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty
from bpy_extras import view3d_utils
from mathutils import Vector

from ..core.errors import SceneError, SkinError
from . import restyle_skin
from .handle_drawing import HandleDrawing
from .job import JobOperator, hand_over
from .selection import find_object, require_head
from .status import set_status
from .telling import describe_error

HELP = "Drag a point to where it lies in the photo   X: let the point go   Tab: photo or head   Enter: done   Esc: as before"
GRAB_PX = 14
NAVIGATION = {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "WHEELINMOUSE", "WHEELOUTMOUSE", "TRACKPADPAN", "TRACKPADZOOM"}
PHOTO_SETTINGS = ("display_depth", "alpha")
OVERLAYS = {"show_overlays": True, "show_bones": False, "show_cursor": False, "show_relationship_lines": False}
"""The photo is an overlay; what else is drawn over the head would be in the way."""
PHOTO_ALPHA = (0.6, 0.15)
"""How strongly the photo covers the head; Tab goes from one to the next."""


FACE_SHARE = 0.7
VIEW_SETTINGS = (
    "view_perspective", "view_camera_zoom", "view_camera_offset", "view_location", "view_rotation", "view_distance",
)  # fmt: skip
"""In the order in which they are put back: leaving the camera moves the view."""
ZOOM_RANGE = (-30.0, 600.0)
OFFSET_STEP = 0.05


class LIKENESS_OT_correct_landmarks(bpy.types.Operator):
    """Pull points of the face to where they lie in the photo: the head follows, then the photo is painted on it anew"""

    bl_idname = "likeness.correct_landmarks"
    bl_label = "Correct by Hand"
    bl_options = {"REGISTER", "UNDO"}

    pins: StringProperty(
        name="Points",
        description="Where points lie in the photo: a JSON list of [landmark, x, y], pixels from the top left",
        options={"SKIP_SAVE"},
    )
    released: StringProperty(
        name="Points Let Go",
        description="Points pulled in earlier corrections that shall hold no longer: a JSON list of landmarks",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "correction")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show the photo over the head, with the points."""
        from ..scene import correction, head

        if context.area is None or context.area.type != "VIEW_3D":
            return self.execute(context)
        obj = head.find_head(context)
        try:
            self._before = correction.take_snapshot(obj)
            self._correction = correction.begin(obj)
            head.apply_expression(obj, "photo")
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        self._uid, self._key, self._held = obj.session_uid, f"correction {time.monotonic_ns()}", None
        self._earlier = correction.read_pins(obj)
        self._pins = dict(self._earlier)
        self._head = correction.present(obj, self._correction)
        self._view = PhotoView(context, obj)
        self._drawing = HandleDrawing(self._view.region, self._view.region_3d)
        self._view.frame([place for _, place in self._place_handles(obj).values()])
        _running.append((self._view, self._drawing))
        strayed = rpt_("The head was changed since: the yellow points hold again from the next pull on; X lets one go")
        set_status(context, f"{strayed}   {rpt_(HELP)}" if correction.has_strayed(self._head, self._pins) else rpt_(HELP))
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Drag, let go, finish, give up; the view can be moved all the while."""
        obj = find_object(self._uid)
        if obj is None or not self._view.is_there(context):
            return self._give_up(context)
        if event.type in NAVIGATION or event.type.startswith("TIMER"):
            return {"PASS_THROUGH"}
        try:
            return self._answer(context, obj, event)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return self._give_up(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        self._give_up(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Pull the points that are given, without a view; those of earlier corrections hold."""
        from ..scene import correction, head

        obj = head.find_head(context)
        try:
            pins = {int(point): (float(x), float(y)) for point, x, y in json.loads(self.pins or "[]")}
            released = {int(point) for point in json.loads(self.released or "[]")}
        except (ValueError, TypeError) as error:
            self.report({"ERROR"}, rpt_("The points are no JSON list of [landmark, x, y] ({error})").format(error=error))
            return {"CANCELLED"}
        if not pins and not released:
            return {"FINISHED"}
        try:
            started = correction.begin(obj)
            held = {point: pixel for point, pixel in (correction.read_pins(obj) | pins).items() if point not in released}
            correction.apply(obj, started.solve(held), started)
            correction.remember_pins(obj, held, started)
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _answer(self, context: bpy.types.Context, obj: bpy.types.Object, event: bpy.types.Event) -> set[str]:
        mouse, press = Vector((event.mouse_x, event.mouse_y)) - self._view.corner, event.value == "PRESS"
        if event.type == "MOUSEMOVE":
            if self._held is None:
                self._drawing.hovered = self._drawing.nearest(mouse, GRAB_PX)
                self._view.region.tag_redraw()
            else:
                self._pull(obj, mouse)
        elif event.type == "LEFTMOUSE":
            self._held = self._drawing.hovered if press and not self._view.is_outside(event) else None
        elif event.type in {"X", "DEL"} and press and self._drawing.hovered in self._pins:
            del self._pins[self._drawing.hovered]
            self._solve(obj)
        elif event.type == "TAB" and press:
            self._view.next_alpha()
        elif event.type in {"RET", "NUMPAD_ENTER"} and press:
            return self._finish(context, obj)
        elif event.type in {"ESC", "RIGHTMOUSE"} and press:
            return self._give_up(context)
        return {"RUNNING_MODAL"}

    def _give_up(self, context: bpy.types.Context) -> set[str]:
        """The head as it was, where it is still there."""
        from ..scene import correction

        if (obj := find_object(self._uid)) is not None:
            try:
                correction.restore(obj, self._before)
            except Exception as error:
                self.report({"ERROR"}, describe_error(error))
        return self._end(context, {"CANCELLED"})

    def _finish(self, context: bpy.types.Context, obj: bpy.types.Object) -> set[str]:
        from ..scene import correction

        pulled = {point: pixel for point, pixel in self._pins.items() if pixel is not self._earlier.get(point)}
        released = sorted(self._earlier.keys() - self._pins.keys())
        if not pulled and not released:
            return self._give_up(context)
        self.pins = json.dumps([[point, round(float(x), 2), round(float(y), 2)] for point, (x, y) in pulled.items()])
        self.released = json.dumps(released)
        correction.apply(obj, self._head, self._correction, self._key)
        correction.remember_pins(obj, self._pins, self._correction)
        ended = self._end(context, {"FINISHED"})
        hand_over(self, bpy.ops.likeness.repaint, head=obj.name)
        return ended

    def _pull(self, obj: bpy.types.Object, mouse: Vector) -> None:
        from ..scene import correction

        region, view = self._view.region, self._view.region_3d
        near = correction.pixel_to_world(obj, self._head.camera, self._head.points_px[self._held], self._depth_m())
        goal = view3d_utils.region_2d_to_location_3d(region, view, mouse, near)
        self._pins[self._held] = correction.world_to_pixel(obj, self._head.camera, goal)
        self._solve(obj)

    def _solve(self, obj: bpy.types.Object) -> None:
        """The head for the present pins. The camera moves with it, so pins are shown where they are in the photo."""
        from ..scene import correction

        self._head = self._correction.solve(self._pins)
        set_status(bpy.context, rpt_(HELP))
        correction.apply(obj, self._head, self._correction, self._key)
        self._place_handles(obj)

    def _place_handles(self, obj: bpy.types.Object) -> dict[int, tuple[str, Vector]]:
        from ..core.fit.correction import HANDLES
        from ..scene import correction

        bpy.context.view_layer.update()
        handles, pinned = {}, {}
        for name, points in HANDLES.items():
            for point in points:
                place = correction.pixel_to_world(obj, self._head.camera, self._head.points_px[point], self._depth_m())
                if point in self._pins:
                    pinned[point] = place
                    place = correction.pixel_to_world(obj, self._head.camera, self._pins[point], self._depth_m())
                handles[point] = (name, place)
        self._drawing.show(handles, pinned)
        return handles

    def _depth_m(self) -> float:
        return float(self._head.camera.t[2])

    def _end(self, context: bpy.types.Context, outcome: set[str]) -> set[str]:
        abandon()
        set_status(context, None)
        return outcome


_running: list[tuple[PhotoView, HandleDrawing]] = []


def abandon() -> None:
    """Take the points off the view and put the view back; for unregister() too, which Blender tells no running operator of."""
    while _running:
        view, drawing = _running.pop()
        drawing.remove()
        view.restore()


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


class LIKENESS_OT_repaint(JobOperator, bpy.types.Operator):
    """Paint the head's textures from its photo anew, on the shape that it has now"""

    bl_idname = "likeness.repaint"
    bl_label = "Repaint from Photo"
    bl_options: set[Any] = {"UNDO"}

    head: StringProperty(name="Head", description="The head's mesh object; empty: the selected one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "correction")

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import correction, head

        obj = bpy.data.objects.get(self.head) if self.head else head.find_head(bpy.context)
        if not head.is_head(obj):
            raise SceneError(f"There is no head called '{self.head}'.")
        self._uid, self._stamp, self._missing = obj.session_uid, correction.stamp(obj), correction.count_missing_photos(obj)
        arguments = correction.repaint_arguments(obj)
        self._count = 1 + len(arguments["further"])
        return rpt_("{name}, painted anew").format(name=obj.name), "repaint", arguments

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        from ..scene import correction, skin

        obj = find_object(self._uid)
        if obj is None or correction.stamp(obj) != self._stamp:
            raise SceneError("The head was changed or removed meanwhile: nothing was painted. Press Repaint again.")
        chosen = skin.changed_numbers(obj)
        correction.repaint(obj, result)
        kinds, said = self._describe(obj)
        try:
            if chosen and restyle_skin.ask_again(obj, chosen):
                said = rpt_("{painted}. The changes to its skin come back too").format(painted=said)
        except SkinError as error:
            told = rpt_("{painted}. The changes to its skin are lost: {reason}")
            kinds, said = {"WARNING"}, told.format(painted=said, reason=describe_error(error))
        self.report(kinds, said)
        return {"FINISHED"}

    def _describe(self, obj: bpy.types.Object) -> tuple[set[str], str]:
        """What was painted, and whether it is a warning."""
        if self._missing:
            said = rpt_("Painted {name}, but {count} of its photos are not in this file: what only they showed is now a guess")
            return {"WARNING"}, said.format(name=obj.name, count=self._missing)
        if self._count > 1:
            return {"INFO"}, rpt_("Painted {name} from its {count} photos").format(name=obj.name, count=self._count)
        return {"INFO"}, rpt_("Painted {name} from its photo").format(name=obj.name)


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


CLASSES = (LIKENESS_OT_correct_landmarks, LIKENESS_OT_repaint)

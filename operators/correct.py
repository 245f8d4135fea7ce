"""Points of the face pulled to where they lie in the photo, in the photo's camera view; the head follows each pull.

Points that were pulled before are there again, and hold (the rule of pins: scene/correction.py).
"""

from __future__ import annotations

import json
import time

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty
from bpy_extras import view3d_utils
from mathutils import Vector

from .handle_drawing import HandleDrawing
from .job import hand_over
from .photo_view import PhotoView
from .selection import find_object, require_head
from .status import set_status
from .telling import describe_error

HELP = "Drag a point to where it lies in the photo   X: let the point go   Tab: photo or head   Enter: done   Esc: as before"
GRAB_PX = 14
NAVIGATION = {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "WHEELINMOUSE", "WHEELOUTMOUSE", "TRACKPADPAN", "TRACKPADZOOM"}


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


CLASSES = (LIKENESS_OT_correct_landmarks,)

"""Another skin for a head: what the Skin panel's sliders ask for, painted by the worker a moment after they came to rest.

Rule of this file: a timer and handlers exist only while something is asked for; the newest wish wins. Whatever else changes the
head in between (undo, redo, another file) ends the wishes, so that sliders and textures always tell the same.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from ..core.errors import SkinError, describe_error
from .job import JobOperator, get_jobs
from .selection import find_object, require_head
from .telling import describe_refusal

if TYPE_CHECKING:
    from ..worker.jobs import Job

REST_S = 0.4
"""Sliders that have not moved for so long have been let go."""
TICK_S = 0.05

_due: dict[int, float] = {}
"""Head's session_uid -> when its wish is painted."""
_painting: dict[int, Job] = {}
"""Head's session_uid -> the job that paints it."""


def ask(obj: bpy.types.Object) -> None:
    """A slider of this head moved: paint it soon, instead of what is being painted. Without a window nobody waits: there
    likeness.restyle_skin paints what was asked for."""
    if bpy.app.background:
        return
    _let_go(obj.session_uid)
    _due[obj.session_uid] = time.monotonic() + REST_S
    _watch()
    if not bpy.app.timers.is_registered(_start_due):
        bpy.app.timers.register(_start_due, first_interval=TICK_S)


def ask_again(obj: bpy.types.Object, numbers: dict[str, float]) -> bool:
    """Numbers that were changed on a skin that is gone, asked of the new one; whether it had other numbers. Without a window
    they are painted at once. Raises SkinError."""
    from ..scene import skin

    skin.wish(obj, numbers)
    if not skin.wished_numbers(obj):
        return False
    if not bpy.app.background:
        ask(obj)
        return True
    try:
        bpy.ops.likeness.restyle_skin(head=obj.name)
    except RuntimeError as error:
        raise SkinError(describe_refusal(error)) from None
    return True


def drop_wishes(*_: Any) -> None:
    """No wish, no timer, no handler is left: for unregister(), and as the handler."""
    if not (_due or _painting):
        return
    from ..scene import skin

    for uid in list(_painting):
        _let_go(uid)
    _due.clear()
    skin.forget_wishes()
    if bpy.app.timers.is_registered(_start_due):
        bpy.app.timers.unregister(_start_due)
    _watch()


def _watch() -> None:
    """Handlers are there while something is asked for or painted."""
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_pre):
        if drop_wishes in handlers:
            handlers.remove(drop_wishes)
        if _due or _painting:
            handlers.append(drop_wishes)


def _let_go(uid: int) -> None:
    if (job := _painting.pop(uid, None)) is not None:
        get_jobs().cancel(job)


def _start_due() -> float | None:
    """Blender's timer: start what is due; None when nothing waits any more."""
    for uid in [uid for uid, when in _due.items() if when <= time.monotonic()]:
        del _due[uid]
        _start(uid)
    _watch()
    return TICK_S if _due else None


def _start(uid: int) -> None:
    from ..scene import skin

    obj = find_object(uid)
    window = bpy.context.window or next(iter(bpy.context.window_manager.windows), None)
    if obj is None or window is None or not (numbers := skin.wished_numbers(obj)):
        return
    try:
        with bpy.context.temp_override(window=window, screen=window.screen):
            bpy.ops.likeness.restyle_skin("INVOKE_DEFAULT", head=obj.name, changes=describe_changes(numbers))
    except RuntimeError:  # what the operator reported, which the panel shows
        skin.forget_wish(obj)


def describe_changes(numbers: dict[str, float]) -> str:
    """{'melanin': 3.0} -> 'melanin=3'."""
    return ",".join(f"{name}={number:.6g}" for name, number in numbers.items())


def read_changes(text: str) -> dict[str, float]:
    """'melanin=3, freckles=0.6' -> numbers by name. Raises SkinError."""
    numbers = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        try:
            numbers[name.strip()] = float(number)
        except ValueError:
            raise SkinError(f"'{part}' is no number of the skin: write NAME=NUMBER, for example melanin=3.") from None
    return numbers


class RestylesSkin(JobOperator):
    """To be inherited beside bpy.types.Operator: `_numbers` says what the skin becomes."""

    def _head(self) -> bpy.types.Object:
        from ..scene import head

        return head.find_head(bpy.context)

    def _numbers(self, obj: bpy.types.Object) -> dict[str, float]:
        raise NotImplementedError

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import skin

        obj = self._head()
        self._uid, self._stamp = obj.session_uid, skin.stamp(obj)
        numbers = self._numbers(obj)
        arguments = skin.restyle_arguments(obj, numbers)
        skin.wish(obj, numbers)
        return rpt_("{name}'s skin").format(name=obj.name), "restyle", arguments

    def _start(self, context: bpy.types.Context) -> set[str]:
        try:
            uid = self._head().session_uid
        except Exception as error:
            return self._fail(context, describe_error(error))
        _let_go(uid)
        _due.pop(uid, None)
        outcome = super()._start(context)
        if outcome == {"RUNNING_MODAL"}:
            _painting[uid] = self._job
        _watch()
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        super().cancel(context)
        self._end_wish()

    def _end(self, context: bpy.types.Context) -> set[str] | None:
        if _painting.get(self._uid) is not self._job:
            self._stop_watching()  # a newer wish took its place
            return {"CANCELLED"}
        outcome = super()._end(context)
        if outcome is not None:
            self._end_wish()
        return outcome

    def _end_wish(self) -> None:
        """Nothing is painted for this wish any more, unless a newer one took its place."""
        if _painting.get(self._uid) is self._job:
            del _painting[self._uid]
            self._forget()
            _watch()

    def _finish_in_steps(self, context: bpy.types.Context, result: Any) -> Generator[None, None, set[str]]:
        from ..scene import skin

        obj = find_object(self._uid)
        if obj is None:
            raise SkinError("The head is gone: nothing was painted.")
        if skin.stamp(obj) != self._stamp:
            raise SkinError(f"{obj.name} was painted otherwise in the meantime: please choose its skin again.")
        yield from skin.put_on_in_steps(obj, result)
        obj = find_object(self._uid)
        skin.forget_wish(obj)
        self.report({"INFO"}, rpt_("Painted {name}'s skin").format(name=obj.name))
        return {"FINISHED"}

    def _fail(self, context: bpy.types.Context, sentence: str) -> set[str]:
        self._forget()
        return super()._fail(context, sentence)

    def _forget(self) -> None:
        """Let the sliders show what is painted."""
        from ..scene import skin

        if (obj := find_object(getattr(self, "_uid", 0))) is not None:
            skin.forget_wish(obj)


class LIKENESS_OT_restyle_skin(RestylesSkin, bpy.types.Operator):
    """Give the head another skin: its texture keeps its own pores and marks, and takes on the chosen numbers"""

    bl_idname = "likeness.restyle_skin"
    bl_label = "Change Skin"
    bl_options: set[Any] = {"UNDO"}

    changes: StringProperty(
        name="Numbers", options={"SKIP_SAVE"},
        description="What changes, as NAME=NUMBER with commas between, for example melanin=3,freckles=0.6; empty: what the "
        "sliders ask for",
    )  # fmt: skip
    head: StringProperty(name="Head", description="The head's mesh object; empty: the selected one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import skin

        return skin.has_wishes() or require_head(cls, context, "skin")

    def _head(self) -> bpy.types.Object:
        if not self.head:
            return super()._head()
        obj = bpy.data.objects.get(self.head)
        if obj is None:
            raise SkinError(f"There is no head called '{self.head}'.")
        return obj

    def _numbers(self, obj: bpy.types.Object) -> dict[str, float]:
        from ..scene import skin

        if not (numbers := read_changes(self.changes) or skin.wished_numbers(obj)):
            raise SkinError("Nothing was asked for: say what changes, for example changes='melanin=3,freckles=0.6'.")
        self.changes = describe_changes(numbers)
        return numbers


class LIKENESS_OT_reset_skin(RestylesSkin, bpy.types.Operator):
    """Give the head back the skin that it was made with"""

    bl_idname = "likeness.reset_skin"
    bl_label = "Reset"
    bl_options: set[Any] = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not require_head(cls, context, "skin"):
            return False
        from ..scene import head, skin

        if skin.is_as_made(head.find_head(context)):
            cls.poll_message_set("The skin is as it was made")
            return False
        return True

    def _numbers(self, obj: bpy.types.Object) -> dict[str, float]:
        from ..scene import skin

        return skin.made_numbers(obj)


CLASSES = (LIKENESS_OT_restyle_skin, LIKENESS_OT_reset_skin)

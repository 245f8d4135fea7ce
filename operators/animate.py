"""Set the selected head in motion: keyframes of what it shows, a recorded face, idle motion; or take the motion away."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..properties import RELATIVE_PATH
from ..translations import CONTEXT
from .expression_presets import require_free_keys
from .job import JobOperator, hand_over
from .selection import find_object
from .telling import describe_error

NUM_SEEDS = 100_000
LONG_BYTES = 2_000_000
"""Fifty seconds of Live Link Face, read and written in .2 s."""
STEP_S = 0.08
"""Curves are written for about so long before the window is drawn again."""
AXES = (
    ("TURN", "Turn", "The head turns to the other side"),
    ("NOD", "Nod", "The head looks down where it looked up"),
    ("TILT", "Tilt", "The head leans to the other shoulder"),
)


def require_animatable(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """For poll(): whether a head is selected whose keys and bones can be animated; if not, the tooltip says so."""
    from ..scene import head

    if not require_free_keys(operator, context):
        return False
    rig = head.head_rig(head.find_head(context))
    if rig is not None and not rig.is_editable:
        operator.poll_message_set(
            "This head's armature is linked from another file: make it local, or override it in the library"
        )
        return False
    return True


class HeadMotion:
    """To be inherited beside bpy.types.Operator: execute() calls animate(), then the scene shows its frame anew."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_animatable(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Animate the head that is meant; a failure leaves it as it was."""
        from ..scene import head

        try:
            told = self.animate(context, head.find_head(context))
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        show_frame(context.scene)
        self.report({"INFO"}, told)
        return {"FINISHED"}


def show_frame(scene: bpy.types.Scene) -> None:
    """Let the scene show its frame anew."""
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)


def is_long(path: str) -> bool:
    """Whether a capture takes so long to read and to write that the window would be held noticeably."""
    return os.path.isfile(path) and os.path.getsize(path) > LONG_BYTES


class LIKENESS_OT_key_expression(HeadMotion, bpy.types.Operator):
    """Keyframes at this frame of all that the face shows: its 52 units, and how neck, jaw and eyes are turned"""

    bl_idname = "likeness.key_expression"
    bl_label = "Key Expression"

    def animate(self, context: bpy.types.Context, obj: bpy.types.Object) -> str:
        """Key what is shown."""
        from ..scene import animation

        animation.key_expression(obj, context.scene.frame_current)
        return rpt_("Keyed {name} at frame {frame}").format(name=obj.name, frame=context.scene.frame_current)


class CaptureOptions:
    """To be inherited beside bpy.types.Operator: which recorded face, and how the head plays it."""

    filepath: StringProperty(
        name="File", description="The recorded face", subtype="FILE_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH
    )
    start: IntProperty(name="Start Frame", description="Where the capture begins", default=1, options={"SKIP_SAVE"})
    strength: FloatProperty(
        name="Strength",
        description="How much of the recorded expressions the face shows",
        default=1.0,
        min=0.0,
        soft_max=1.5,
        max=3.0,
    )
    head: FloatProperty(
        name="Head Rotation",
        description="How much of the recorded turn of the head the neck takes over; 0 leaves the neck alone",
        default=1.0,
        min=0.0,
        soft_max=1.0,
        max=3.0,
    )
    flips: EnumProperty(
        name="Flip",
        description="What the head does the other way round: programs that record faces do not agree on the signs of angles",
        items=AXES,
        translation_context=CONTEXT,
        default=set(),
        options={"ENUM_FLAG"},
    )
    is_mirrored: BoolProperty(
        name="Mirror", description="Exchange left and right: for a face that was recorded as in a looking glass", default=False
    )
    smoothing: FloatProperty(
        name="Smoothing",
        description="Frames over which trembling is averaged; too many also soften blinks and speech",
        default=0.0,
        min=0.0,
        soft_max=5.0,
        max=50.0,
    )
    rate: FloatProperty(
        name="Rows a Second",
        description="How many rows of the file are a second, where it counts frames or does not tell the time",
        default=60.0,
        min=1.0,
        max=1000.0,
    )
    is_lengthening: BoolProperty(
        name="Lengthen Scene", description="Move the scene's end to the capture's last frame where that comes later", default=True
    )

    def _arguments(self, context: bpy.types.Context) -> dict[str, Any]:
        """Of the story 'read_capture'."""
        from ..scene import animation

        return {
            "path": bpy.path.abspath(self.filepath), "frames_per_second": animation.frames_per_second(context.scene),
            "rows_per_second": self.rate, "flips": tuple(axis[0] in self.flips for axis in AXES), "is_mirrored": self.is_mirrored,
            "smoothing": self.smoothing,
        }  # fmt: skip

    def _write(self, context: bpy.types.Context, obj: bpy.types.Object, recorded: Any) -> Generator[float, None, str]:
        """The keys, in steps; returns what to tell."""
        from ..scene import animation

        name = obj.name
        last = yield from animation.write_capture(obj, recorded, self.start, strength=self.strength, head=self.head)
        if self.is_lengthening:
            context.scene.frame_end = max(context.scene.frame_end, last)
        told = rpt_("{name} moves from frame {first} to {last}").format(name=name, first=self.start, last=last)
        if recorded.num_bridged:
            told += rpt_("; {count} rows were unreadable and are bridged").format(count=recorded.num_bridged)
        return told


class LIKENESS_OT_import_face_capture(CaptureOptions, HeadMotion, bpy.types.Operator):
    """Move this head as a recorded face moved: a .csv of Live Link Face, or a .csv or .json whose columns are ARKit's units"""

    bl_idname = "likeness.import_face_capture"
    bl_label = "Import Face Capture"

    filter_glob: StringProperty(default="*.csv;*.json", options={"HIDDEN", "SKIP_SAVE"})
    is_from_selector: BoolProperty(default=False, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file, beside the .blend at first; it begins where the scene does."""
        if not self.properties.is_property_set("start"):
            self.start = context.scene.frame_start
        if not self.filepath:
            self.filepath = bpy.path.abspath("//")
        self.is_from_selector = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        for name in ("start", "strength", "smoothing", "head"):
            layout.prop(self, name)
        row = layout.row(align=True)
        row.active = self.head > 0
        row.prop(self, "flips")
        for name in ("is_mirrored", "is_lengthening", "rate"):
            layout.prop(self, name)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the keys at once; a long capture that a person chose is the worker's to read, with progress."""
        if self.is_from_selector and not bpy.app.background and is_long(bpy.path.abspath(self.filepath)):
            given = {name: getattr(self, name) for name in CaptureOptions.__annotations__}
            return hand_over(self, bpy.ops.likeness.import_long_capture, **given)
        return super().execute(context)

    def animate(self, context: bpy.types.Context, obj: bpy.types.Object) -> str:
        """Read the file, then write its keys."""
        from ..core.story import run
        from ..worker.stories import STORIES

        return run(self._write(context, obj, run(STORIES["read_capture"](**self._arguments(context)))))


class LIKENESS_OT_import_long_capture(CaptureOptions, JobOperator, bpy.types.Operator):
    """Move this head as a recorded face moved: read in the background, then written step by step"""

    bl_idname = "likeness.import_long_capture"
    bl_label = "Import Face Capture"
    bl_options: set[Any] = {"UNDO", "INTERNAL"}
    needed = ("core.head.model", "scene.animation")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_animatable(cls, context)

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import head

        self._uid = head.find_head(bpy.context).session_uid
        return os.path.basename(self.filepath), "read_capture", self._arguments(bpy.context)

    def _finish_in_steps(self, context: bpy.types.Context, result: Any) -> Generator[Any, None, set[str]]:
        from ..core.errors import AnimationError
        from ..core.types import Progress

        obj = find_object(self._uid)
        if obj is None:
            raise AnimationError("The head was changed or removed meanwhile: nothing was written.")
        writing, since = self._write(context, obj, result), time.monotonic()
        try:
            while True:
                share = next(writing)
                if time.monotonic() - since > STEP_S:
                    yield Progress("Writing the keys", share)
                    since = time.monotonic()
        except StopIteration as end:
            told = end.value
        finally:
            writing.close()
        show_frame(context.scene)
        self.report({"INFO"}, told)
        return {"FINISHED"}


class LIKENESS_OT_idle_motion(HeadMotion, bpy.types.Operator):
    """Let the head blink, glance and sway over the scene's frames, from what it shows at the first; each time another way"""

    bl_idname = "likeness.idle_motion"
    bl_label = "Idle Motion"

    seed: IntProperty(name="Seed", description="Which motion: the same seed always moves the same", min=0, options={"SKIP_SAVE"})
    blinks: FloatProperty(
        name="Blinks a Minute",
        description="17 at rest, 26 in conversation, 5 while reading; 0 leaves the lids alone",
        default=17.0,
        min=0.0,
        max=60.0,
    )
    gaze: FloatProperty(
        name="Gaze", description="How far the eyes wander; 0 leaves them alone", default=1.0, min=0.0, soft_max=2.0, max=5.0
    )
    sway: FloatProperty(
        name="Head Sway",
        description="How far the head moves; 0 leaves the neck alone",
        default=1.0,
        min=0.0,
        soft_max=2.0,
        max=5.0,
    )
    is_loop: BoolProperty(
        name="Loop", description="The last frame leads on to the first, so that playback repeats without a jump", default=False
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """A seed of its own for each press."""
        import random

        if not self.properties.is_property_set("seed"):
            self.seed = random.randrange(NUM_SEEDS)
        return self.execute(context)

    def animate(self, context: bpy.types.Context, obj: bpy.types.Object) -> str:
        """Make the motion up and write its keys."""
        from ..core.animation.idle import make_idle
        from ..scene import animation

        first, last = animation.scene_frames(context.scene)
        rate = animation.frames_per_second(context.scene)
        motion = make_idle(last - first + 1, rate, self.seed, blinks_a_minute=self.blinks, is_loop=self.is_loop)
        animation.write_idle(obj, motion, first, last, gaze=self.gaze, head=self.sway)
        return rpt_("{name} moves from frame {first} to {last}").format(name=obj.name, first=first, last=last)


class LIKENESS_OT_clear_animation(HeadMotion, bpy.types.Operator):
    """Remove the keyframes of this head's units and bones; it keeps what it shows now"""

    bl_idname = "likeness.clear_animation"
    bl_label = "Clear Animation"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import animation, head

        if not require_animatable(cls, context):
            return False
        if animation.key_range(head.find_head(context)) is None:
            cls.poll_message_set("This head is not animated")
            return False
        return True

    def animate(self, context: bpy.types.Context, obj: bpy.types.Object) -> str:
        """Take the curves away."""
        from ..scene import animation

        animation.clear_animation(obj)
        return rpt_("{name} is still").format(name=obj.name)


CLASSES: tuple[Any, ...] = (
    LIKENESS_OT_key_expression,
    LIKENESS_OT_import_face_capture,
    LIKENESS_OT_import_long_capture,
    LIKENESS_OT_idle_motion,
    LIKENESS_OT_clear_animation,
)

"""From a photo to heads in the scene: straight through in background mode and scripts, stage by stage in the window."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..core.errors import describe_error
from ..properties import FACES, IMAGE_FILTER, RELATIVE_PATH
from .job import Job, run_to_end

if TYPE_CHECKING:
    from ..core.types import HeadAsset, Progress

RUNNING = "A head is being made: wait for it, or press Esc"


class LIKENESS_OT_fit_photo(bpy.types.Operator):
    """Make a rigged, textured head from a photo"""

    bl_idname = "likeness.fit_photo"
    bl_label = "Generate Head"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Photo", description="The photo of a face", subtype="FILE_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH
    )
    others: StringProperty(
        name="Further Photos",
        description="Paths of further photos of the same person, one a line: one head is made from the largest face of each",
        options={"SKIP_SAVE"},
    )
    faces: EnumProperty(name="Faces", description="Which faces of the photo become heads", items=FACES, default="LARGEST")
    face: IntProperty(name="Number", description="0 is the largest face, 1 the next", default=0, min=0, soft_max=9)
    filter_glob: StringProperty(default=IMAGE_FILTER, options={"HIDDEN"})
    is_from_selector: BoolProperty(default=False, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if Job.current:
            cls.poll_message_set(RUNNING)
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are made in Object Mode: press Tab to leave this mode")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """With a photo: start the job. Without: let the person choose one."""
        if self.filepath:
            return self._start(context)
        self.is_from_selector = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end at once; after the file selector, hand over to an invocation of its own that shows progress."""
        if self.is_from_selector and not bpy.app.background:
            context.scene.likeness.photo = self.filepath
            bpy.ops.likeness.fit_photo(
                "INVOKE_DEFAULT", filepath=self.filepath, others=self.others, faces=self.faces, face=self.face
            )
            return {"CANCELLED"}
        try:
            return self._finish(context, run_to_end(self._steps()))
        except Exception as error:
            return self._fail(context, error)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One stage a timer tick; Esc and the panel's Cancel stop between stages."""
        job = Job.current
        if job is None:
            return {"CANCELLED"}
        if context.window_manager.likeness_job.is_cancelled or (event.type == "ESC" and event.value == "PRESS"):
            job.stop(context)
            self.report({"INFO"}, "Cancelled: nothing was changed")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            if not job.step(context):
                return {"RUNNING_MODAL"}
            outcome = self._finish(context, job.result)
        except Exception as error:
            outcome = self._fail(context, error)
        job.stop(context)
        return outcome

    def draw(self, context: bpy.types.Context) -> None:
        """The options in the file selector and in "Adjust Last Operation"."""
        self.layout.prop(self, "faces")
        if self.faces == "ONE":
            self.layout.prop(self, "face")

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        if Job.current:
            Job.current.stop(context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        Job(context, self._steps())
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _steps(self) -> Generator[Progress, None, list[HeadAsset]]:
        from ..core import pipeline
        from ..core.errors import PhotoError

        if not self.filepath:
            raise PhotoError("No photo is chosen: give the path of one as filepath.")
        photo = bpy.path.abspath(self.filepath)
        others = [bpy.path.abspath(path) for path in self.others.splitlines() if path.strip()]
        if others:
            return [(yield from pipeline.fit_photos([photo, *others]))]
        if self.faces == "ALL":
            return (yield from pipeline.fit_all_faces(photo))
        index = self.face if self.faces == "ONE" else 0
        return [(yield from pipeline.fit_photo(photo, face=index))]

    def _finish(self, context: bpy.types.Context, assets: list[HeadAsset]) -> set[str]:
        from ..scene import head, transaction

        with transaction.all_or_nothing():
            heads = [head.create_head(context, asset) for asset in assets]
        for made in heads:
            made.select_set(True)
        warnings = [warning for asset in assets for warning in asset.provenance.get("warnings", ())]
        for warning in warnings:
            self.report({"WARNING"}, warning)
        names = ", ".join(asset.name for asset in assets)
        self.report({"INFO"}, f"Made {names}: {min(asset.provenance.get('confidence', 0.0) for asset in assets):.0%} sure")
        context.window_manager.likeness_job.error = ""
        if not bpy.app.background:
            show_selected(context)
        return {"FINISHED"}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        sentence = describe_error(error)
        context.window_manager.likeness_job.error = sentence
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}


class LIKENESS_OT_cancel(bpy.types.Operator):
    """Stop making the head; nothing is changed"""

    bl_idname = "likeness.cancel"
    bl_label = "Cancel"
    bl_options: set[Any] = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if Job.current is None:
            cls.poll_message_set("Nothing is running")
        return Job.current is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The running operator sees the flag at its next tick."""
        context.window_manager.likeness_job.is_cancelled = True
        return {"FINISHED"}


def show_selected(context: bpy.types.Context) -> None:
    """Turn a 3D view to the new heads: they are a quarter of a metre large, and the view may be anywhere.

    The view that the operator was started in, else the window's largest. Looking is no step of its own to undo.
    """
    views = [area for area in context.window.screen.areas if area.type == "VIEW_3D"] if context.window else []
    if not views:
        return
    area = context.area if context.area in views else max(views, key=lambda view: view.width * view.height)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        if bpy.ops.view3d.view_selected.poll():
            bpy.ops.view3d.view_selected()


def stop_running_job() -> None:
    """For unregister(): end a job that is still running."""
    if Job.current:
        Job.current.stop(bpy.context)


CLASSES = (LIKENESS_OT_fit_photo, LIKENESS_OT_cancel)

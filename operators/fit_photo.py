"""From a photo to heads in the scene: straight through in background mode and scripts, stage by stage in the window."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..properties import FACES, IMAGE_FILTER, RELATIVE_PATH
from .head_operator import HeadOperator, show_selected
from .job import Job

if TYPE_CHECKING:
    from ..core.types import HeadAsset, Progress


class LIKENESS_OT_fit_photo(HeadOperator, bpy.types.Operator):
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
        return super().execute(context)

    def draw(self, context: bpy.types.Context) -> None:
        """The options in the file selector and in "Adjust Last Operation"."""
        self.layout.prop(self, "faces")
        if self.faces == "ONE":
            self.layout.prop(self, "face")

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


def stop_running_job() -> None:
    """For unregister(): end a job that is still running."""
    if Job.current:
        Job.current.stop(bpy.context)


CLASSES = (LIKENESS_OT_fit_photo, LIKENESS_OT_cancel)
__all__ = ["CLASSES", "show_selected", "stop_running_job"]

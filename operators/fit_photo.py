"""From a photo to heads in the scene: straight through in background mode and scripts, by the worker in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..preferences import chosen_model
from ..properties import FACES, IMAGE_FILTER, REFINE, RELATIVE_PATH, TEXTURE_SIZES
from ..translations import CONTEXT
from .head_operator import HeadOperator
from .job import cancel_job, hand_over, show_jobs
from .paper_method import PaperMethod
from .photos import photo_folder


class LIKENESS_OT_fit_photo(PaperMethod, HeadOperator, bpy.types.Operator):
    """Make a rigged, textured head from a photo"""

    bl_idname = "likeness.fit_photo"
    bl_label = "Generate Head"
    bl_options: set[Any] = {"UNDO"}

    filepath: StringProperty(
        name="Photo", description="The photo of a face", subtype="FILE_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH
    )
    others: StringProperty(
        name="Further Photos",
        description="Paths of further photos of the same person, one a line: one head is made from the largest face of each",
        options={"SKIP_SAVE"},
    )
    faces: EnumProperty(
        name="Faces", description="Which faces of the photo become heads", items=FACES, default="LARGEST",
        translation_context=CONTEXT,
    )  # fmt: skip
    face: IntProperty(name="Number", description="0 is the largest face, 1 the next", default=0, min=0, soft_max=9)
    texture_size: EnumProperty(
        name="Texture", description="The albedo's width and height in pixels", items=TEXTURE_SIZES, default="2048"
    )
    refine: BoolProperty(name="Refine", description=REFINE, default=True, options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=IMAGE_FILTER, options={"HIDDEN"})
    is_from_selector: BoolProperty(default=False, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """With a photo: start the job. Without: let the person choose one."""
        if self.filepath:
            return self._start(context)
        self.is_from_selector, self.filepath = True, photo_folder(context.scene.likeness.photo)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end at once; after the file selector, hand over to an invocation of its own that shows progress."""
        if self.is_from_selector and not bpy.app.background:
            context.scene.likeness.photo = self.filepath
            return hand_over(
                self, bpy.ops.likeness.fit_photo, filepath=self.filepath, others=self.others, faces=self.faces, face=self.face,
                texture_size=self.texture_size, method=self.method, paper_folder=self.paper_folder, refine=self.refine,
                as_released=self.as_released,
            )  # fmt: skip
        return super().execute(context)

    def draw(self, context: bpy.types.Context) -> None:
        """The options in the file selector."""
        self.layout.prop(self, "faces")
        if self.faces == "ONE":
            self.layout.prop(self, "face")
        self.layout.prop(self, "texture_size")

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..core.errors import PhotoError

        if not self.filepath:
            raise PhotoError("No photo is chosen: give the path of one as filepath.")
        photos = [bpy.path.abspath(path) for path in (self.filepath, *self.others.splitlines()) if path.strip()]
        face = {"ALL": None, "ONE": self.face}.get(self.faces, 0)
        if self.method == "PAPER":
            return Path(photos[0]).stem, "fit_photo_by_paper", self._paper_arguments(photos, face)
        arguments = {"photos": photos, "face": face, "texture_size": int(self.texture_size), "model": chosen_model(bpy.context)}
        return Path(photos[0]).stem, "fit_photos", arguments

    def _paper_arguments(self, photos: list[str], face: int | None) -> dict[str, Any]:
        from ..core.errors import ModelError

        if len(photos) > 1:
            raise ModelError("The paper's networks make a head of one photo: take the further photos away, or choose Likeness.")
        told = self._tell_paper(is_generated=False)
        return told | {"photo": photos[0], "face": face, "refine": self.refine and not self.as_released}


class LIKENESS_OT_cancel(bpy.types.Operator):
    """Stop making this head; nothing is changed"""

    bl_idname = "likeness.cancel"
    bl_label = "Cancel"
    bl_options: set[Any] = {"INTERNAL"}

    number: IntProperty(
        name="Job", description="Which job; 0 is the one that runs, -1 all that wait", default=0, options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_("Stop all that wait; what runs goes on") if properties.number == -1 else tip_(cls.__doc__)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.window_manager.likeness_job.is_running:
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """End the job; the operator that watches it sees so at its next tick."""
        cancel_job(self.number)
        show_jobs(context)
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_fit_photo, LIKENESS_OT_cancel)

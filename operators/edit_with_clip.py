"""A head edited by words with CLIP: the worker looks for the change, and all of it comes in one step to undo.

Rule of this file: until it is found the head is as it is; where it was changed meanwhile, nothing is done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from ..core.errors import ModelError, WordsError
from ..identity_properties import locked_regions
from ..preferences import chosen_clip
from ..properties import MOST_CLIP_STEPS, RELATIVE_PATH
from .job import JobOperator, hand_over
from .selection import find_object, require_head

if TYPE_CHECKING:
    from ..core.image_files import PackedEdit


class EditsWithClip(JobOperator):
    """To be inherited beside bpy.types.Operator, with the properties `words`, `strength`, `steps`, `seed`, `changes_shape`,
    `changes_skin`, `changes_expression` and `clip_file`."""

    needed = ("scene.clip",)
    if TYPE_CHECKING:
        words: str
        strength: float
        steps: int
        seed: int
        changes_shape: bool
        changes_skin: bool
        changes_expression: bool
        clip_file: str

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import clip, head

        if not self.words.strip():
            raise WordsError("No words were given: say in a few words what the head should look like.")
        if not (file := bpy.path.abspath(self.clip_file) or chosen_clip(bpy.context)):
            raise ModelError("No file of CLIP's weights is chosen: choose one under Words in Likeness' preferences.")
        switches = {clip.SHAPE: self.changes_shape, clip.ALBEDO: self.changes_skin, clip.EXPRESSION: self.changes_expression}
        self._masks = [mask for mask, is_on in switches.items() if is_on]
        obj = head.find_head(bpy.context)
        locks = locked_regions(obj.likeness_identity)
        arguments = clip.edit_arguments(obj, self._masks, locks)
        self._uid, self._stamp = obj.session_uid, clip.stamp(obj, self._masks, locks)
        chosen = {"words": self.words, "clip": file, "strength": self.strength, "seed": self.seed, "steps": self.steps}
        return rpt_("{name} by words").format(name=obj.name), "edit_with_clip", arguments | chosen

    def _finish_in_steps(self, context: bpy.types.Context, result: PackedEdit) -> Generator[None, None, set[str]]:
        from ..scene import clip

        with contextlib.closing(clip.put_on_in_steps(self._require_same(), result, self._stamp.locks)) as steps:
            for step in steps:
                yield step
                self._require_same()
        said = rpt_("Edited {name}: loss {before:.3f} before, {after:.3f} after")
        before, after = result.told["loss_before"], result.told["loss_after"]
        self.report({"INFO"}, said.format(name=find_object(self._uid).name, before=before, after=after))
        return {"FINISHED"}

    def _require_same(self) -> bpy.types.Object:
        """The head that the words were given for. Raises SceneError where it has changed."""
        from ..scene import clip

        obj = find_object(self._uid)
        locks = locked_regions(obj.likeness_identity) if obj is not None else ()
        return clip.require_same(obj, self._stamp, self._masks, locks)


class LIKENESS_OT_edit_with_clip(EditsWithClip, bpy.types.Operator):
    """Change the selected head by any English words, with CLIP: its pictures are moved towards what the words say"""

    bl_idname = "likeness.edit_with_clip"
    bl_label = "Edit with CLIP"
    bl_options: set[Any] = {"UNDO"}

    words: StringProperty(
        name="Words",
        description="What the head should look like, in English, for example: an angry old man",
        options={"SKIP_SAVE"},
    )
    strength: FloatProperty(
        name="Strength", description="How much of the change that CLIP finds is made: 0 nothing, 1 all of it", default=1.0,
        min=0.0, max=2.0, options={"SKIP_SAVE"},
    )  # fmt: skip
    steps: IntProperty(
        name="Steps", description="How long CLIP looks for the change: more steps move the head further", default=100, min=1,
        max=MOST_CLIP_STEPS, options={"SKIP_SAVE"},
    )  # fmt: skip
    seed: IntProperty(
        name="Seed", description="From where CLIP looks at the head: the same seed finds the same change", default=0, min=0,
        options={"SKIP_SAVE"},
    )  # fmt: skip
    changes_shape: BoolProperty(
        name="Shape", description="Words may change the head's shape", default=True, options={"SKIP_SAVE"}
    )
    changes_skin: BoolProperty(name="Skin", description="Words may change the skin", default=True, options={"SKIP_SAVE"})
    changes_expression: BoolProperty(
        name="Expression", description="Words may change what the face shows", default=True, options={"SKIP_SAVE"}
    )
    clip_file: StringProperty(
        name="CLIP", description="The file of CLIP's weights; empty: the one of the preferences", subtype="FILE_PATH",
        options={"SKIP_SAVE"} | RELATIVE_PATH,
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "words")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job; where nothing was said yet, ask."""
        self._is_asking = not self.words.strip()
        if self._is_asking:
            return context.window_manager.invoke_props_dialog(self, width=420)
        return self._start(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end at once, for scripts; after the dialog, hand over to an invocation of its own that shows progress."""
        if getattr(self, "_is_asking", False):
            return hand_over(self, bpy.ops.likeness.edit_with_clip, **self._settings)
        return super().execute(context)

    @property
    def _settings(self) -> dict[str, Any]:
        kinds = ("changes_shape", "changes_skin", "changes_expression")
        return {name: getattr(self, name) for name in ("words", "strength", "steps", "seed", *kinds, "clip_file")}


CLASSES = (LIKENESS_OT_edit_with_clip,)

"""A head edited by words: what is understood moves the sliders that there are, all of it in one step to undo.

Rule of this file: shape, face and skin change together or not at all. Where the words touch the skin, the worker paints it first
and the head stays as it is until then; without that they are done at once, and "Adjust Last Operation" repeats them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ..core.errors import SceneError
from ..identity_properties import locked_regions
from .job import JobOperator, hand_over
from .restyle_skin import RestylesSkin, ask
from .selection import find_object, require_head
from .telling import describe_error

if TYPE_CHECKING:
    from ..core.words.plan import EditPlan


class EditsWithWords(RestylesSkin):
    """To be inherited beside bpy.types.Operator, with the properties `words`, `strength`, `changes_shape`, `changes_skin` and
    `changes_expression`."""

    needed = ("core.words.edit", "scene.words")
    if TYPE_CHECKING:
        words: str
        strength: float
        changes_shape: bool
        changes_skin: bool
        changes_expression: bool

    def _edit(self, context: bpy.types.Context, is_watched: bool) -> set[str]:
        from ..scene import head, skin

        try:
            obj = head.find_head(context)
            self._plan = self._make_plan(obj)
            is_repeat = self.options.is_repeat and not bpy.app.background
            if not self._plan.skin or is_repeat:
                self._follow(obj)
                if self._plan.skin:
                    skin.wish(obj, self._plan.skin)
                    ask(obj)
                return self._tell()
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        return self._start(context) if is_watched else JobOperator.execute(self, context)

    def _make_plan(self, obj: bpy.types.Object) -> EditPlan:
        from ..core.words.plan import COLOUR, FACE, SHAPE, plan_edit
        from ..scene import identity, words

        switches = {SHAPE: self.changes_shape, COLOUR: self.changes_skin, FACE: self.changes_expression}
        look = words.look_at(obj, locked_regions(obj.likeness_identity))
        plan = plan_edit(self.words, look, self.strength, [kind for kind, is_on in switches.items() if is_on])
        self._identity = identity.stamp(obj) if plan.traits else ""
        return plan

    def _numbers(self, obj: bpy.types.Object) -> dict[str, float]:
        from ..scene import skin

        return skin.wished_numbers(obj) | self._plan.skin

    def _finish_in_steps(self, context: bpy.types.Context, result: Any) -> Generator[None, None, set[str]]:
        from ..scene import skin

        with contextlib.closing(skin.put_on_in_steps(self._require_same(), result)) as steps:
            for step in steps:
                yield step
                self._require_same()
        obj = find_object(self._uid)
        skin.forget_wish(obj)
        self._follow(obj)
        return self._tell()

    def _require_same(self) -> bpy.types.Object:
        """The head that the plan was made for. Raises SceneError where it has changed, IdentityError where its shape cannot."""
        from ..scene import identity, skin

        obj = find_object(self._uid)
        if obj is None or skin.stamp(obj) != self._stamp or (self._identity and identity.stamp(obj) != self._identity):
            raise SceneError("The head was changed or removed meanwhile: nothing was done. Apply the words again.")
        if self._plan.traits:
            identity.require_editable(obj)
        return obj

    def _follow(self, obj: bpy.types.Object) -> None:
        from ..scene import words

        words.follow(obj, self._plan, self.words, locked_regions(obj.likeness_identity))

    def _tell(self) -> set[str]:
        """Say what was understood, and as a warning what was not."""
        understood, ignored = "; ".join(self._plan.understood), "; ".join(self._plan.ignored)
        if ignored:
            said = rpt_("Understood: {understood}. Left out: {ignored}")
            self.report({"WARNING"}, said.format(understood=understood, ignored=ignored))
        else:
            self.report({"INFO"}, rpt_("Understood: {understood}").format(understood=understood))
        return {"FINISHED"}


class LIKENESS_OT_edit_with_words(EditsWithWords, bpy.types.Operator):
    """Change the selected head by English words, for example: a bit older, with a wider nose and a half smile"""

    bl_idname = "likeness.edit_with_words"
    bl_label = "Edit with Words"
    bl_options = {"REGISTER", "UNDO"}

    words: StringProperty(
        name="Words",
        description="What to change of the head, in English, for example: older, with a slightly wider nose, not smiling",
        options={"SKIP_SAVE"},
    )
    strength: FloatProperty(
        name="Strength", description="How much of what the words say: 0 nothing, 1 as they say", default=1.0, min=0.0, max=2.0,
        options={"SKIP_SAVE"},
    )  # fmt: skip
    changes_shape: BoolProperty(
        name="Shape", description="Words may change the head's shape", default=True, options={"SKIP_SAVE"}
    )
    changes_skin: BoolProperty(name="Skin", description="Words may change the skin", default=True, options={"SKIP_SAVE"})
    changes_expression: BoolProperty(
        name="Expression", description="Words may change what the face shows", default=True, options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "words")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Edit the head; where nothing was said yet, ask."""
        self._is_asking = not self.words.strip()
        if self._is_asking:
            return context.window_manager.invoke_props_dialog(self, width=420)
        return self._edit(context, is_watched=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Edit the head at once: for scripts, and again with other settings."""
        if getattr(self, "_is_asking", False):
            return hand_over(self, bpy.ops.likeness.edit_with_words, **self._settings)
        return self._edit(context, is_watched=False)

    @property
    def _settings(self) -> dict[str, Any]:
        names = ("words", "strength", "changes_shape", "changes_skin", "changes_expression")
        return {name: getattr(self, name) for name in names}


CLASSES = (LIKENESS_OT_edit_with_words,)

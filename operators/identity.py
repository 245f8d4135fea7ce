"""Who a head is: drawn anew around what is locked, chosen from a sheet, put back, the way back and forward, the model's file."""

from __future__ import annotations

from typing import Any

import bpy
import bpy.utils.previews
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ..core.errors import IdentityError
from ..identity_properties import locked_regions
from ..translations import CONTEXT
from .job import JobOperator, hand_over
from .selection import find_object, require_head
from .telling import describe_error

DIRECTIONS = (
    ("BACK", "Back", "The shape that this head had before"),
    ("FORWARD", "Forward", "The shape that this head had after this one"),
)
MIDDLE = 4
"""The head as it is, on the sheet of nine."""
CHOICES = tuple(
    (str(place), str(place + (place < MIDDLE)), "Take this head")
    if place != MIDDLE
    else (str(place), "As It Is", "Change nothing")
    for place in range(9)
)
CELL_SCALE = 7.0

_sheet: bpy.utils.previews.ImagePreviewCollection | None = None


def drop_sheet() -> None:
    """Give the sheet's pictures back."""
    global _sheet
    if _sheet is not None:
        bpy.utils.previews.remove(_sheet)
        _sheet = None


class EditsIdentity:
    """To be inherited beside bpy.types.Operator: one change of the selected head's shape, in one step to undo."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "identity")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change the head that the active object belongs to."""
        from ..scene import head

        try:
            self._change(head.find_head(context))
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _change(self, obj: bpy.types.Object) -> None:
        raise NotImplementedError


class DrawsPeople:
    """To be inherited beside bpy.types.Operator: how somebody else is drawn around the selected head."""

    strength: FloatProperty(
        name="Strength",
        description="How far from the present person: 1 is somebody else altogether",
        default=0.85,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    keep_person: BoolProperty(
        name="Keep Sex, Age and Weight",
        description="Draw people of the same sex, age, weight and ancestry, whom the skin suits",
        default=True,
    )

    def _reroll(self, obj: bpy.types.Object, seed: int) -> None:
        from ..scene import identity

        identity.reroll_head(obj, seed, self.strength, locked_regions(obj.likeness_identity), self.keep_person)


class LIKENESS_OT_reroll_identity(DrawsPeople, EditsIdentity, bpy.types.Operator):
    """Draw somebody else; what is locked stays as it is"""

    bl_idname = "likeness.reroll_identity"
    bl_label = "Re-Roll"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(name="Seed", description="Who is drawn: the same seed always draws the same person", default=0, min=0)

    def _change(self, obj: bpy.types.Object) -> None:
        self._reroll(obj, self.seed)
        obj.likeness_identity.seed = self.seed + 1


class DrawsSheet(DrawsPeople):
    """To be inherited beside bpy.types.Operator: a sheet of eight people around the head as it is."""

    seed: IntProperty(name="Seed", description="Which sheet: the same seed always draws the same eight", default=0, min=0)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "identity")

    def _seed_of(self, place: int) -> int:
        return 9 * self.seed + place

    @property
    def _settings(self) -> dict[str, Any]:
        return {"seed": self.seed, "strength": self.strength, "keep_person": self.keep_person}


class LIKENESS_OT_draw_variants(DrawsSheet, JobOperator, bpy.types.Operator):
    """Draw eight other people around this head, to take one of them"""

    bl_idname = "likeness.draw_variants"
    bl_label = "Variants"
    bl_options: set[Any] = {"INTERNAL"}
    needed = ("scene.variants",)

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import head, identity, variants

        obj = head.find_head(bpy.context)
        self._uid, self._stamp = obj.session_uid, identity.stamp(obj)
        seeds = [None if place == MIDDLE else self._seed_of(place) for place in range(9)]
        locks = locked_regions(obj.likeness_identity)
        arguments = variants.sheet_arguments(obj, seeds, self.strength, locks, self.keep_person)
        return rpt_("{name}'s variants").format(name=obj.name), "variants", arguments

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        global _sheet
        from ..scene import head, identity, variants

        obj = find_object(self._uid)
        if obj is None or head.find_head(context) != obj or identity.stamp(obj) != self._stamp:
            raise IdentityError("Another head is selected, or this one changed meanwhile: press Variants again.")
        identity.require_editable(obj)
        if bpy.app.background:
            return {"FINISHED"}  # nobody is there to choose: likeness.choose_variant takes one by its number
        drop_sheet()
        _sheet = bpy.utils.previews.new()
        variants.fill_previews([_sheet.new(str(place)) for place in range(9)], result)
        hand_over(self, bpy.ops.likeness.choose_variant, **self._settings)
        return {"FINISHED"}


class LIKENESS_OT_choose_variant(DrawsSheet, EditsIdentity, bpy.types.Operator):
    """See eight other people around this head, and take one"""

    bl_idname = "likeness.choose_variant"
    bl_label = "Variants"
    bl_options = {"REGISTER", "UNDO"}

    choice: EnumProperty(name="Variant", description="Which head of the sheet to take", items=CHOICES, default=str(MIDDLE))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Let the person choose; where no sheet has been drawn, the worker draws one first."""
        if _sheet is None:
            return hand_over(self, bpy.ops.likeness.draw_variants, **self._settings)
        self.choice = str(MIDDLE)
        return context.window_manager.invoke_props_dialog(self, width=520)

    def draw(self, context: bpy.types.Context) -> None:
        """The sheet in the dialog; the numbers in "Adjust Last Operation"."""
        if _sheet is None:
            for name in ("choice", "seed", "strength", "keep_person"):
                self.layout.prop(self, name)
            return
        grid = self.layout.grid_flow(row_major=True, columns=3, even_columns=True, even_rows=True)
        for place in range(9):
            cell = grid.column(align=True)
            cell.template_icon(icon_value=_sheet[str(place)].icon_id, scale=CELL_SCALE)
            cell.prop_enum(self, "choice", str(place))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the chosen head."""
        drop_sheet()
        return super().execute(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """The dialog was closed."""
        drop_sheet()

    def _change(self, obj: bpy.types.Object) -> None:
        if int(self.choice) != MIDDLE:
            self._reroll(obj, self._seed_of(int(self.choice)))
        obj.likeness_identity.seed = self.seed + 1


class LIKENESS_OT_make_model_ready(JobOperator, bpy.types.Operator):
    """Make the FLAME file ready that this head was made with, once: half a minute, then its shape can be changed"""

    bl_idname = "likeness.make_model_ready"
    bl_label = "Make Ready"
    bl_options: set[Any] = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not require_head(cls, context):
            return False
        from ..scene import head, head_model

        if head_model.find_unready(head.find_head(context)) is None:
            cls.poll_message_set("This head's model needs nothing")
            return False
        return True

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import head, head_model

        return rpt_("A FLAME file, made ready"), "make_ready", {"model": head_model.find_unready(head.find_head(bpy.context))}

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        self.report({"INFO"}, rpt_("The FLAME file is ready: the head's shape can be changed"))
        return {"FINISHED"}


class LIKENESS_OT_reset_identity(EditsIdentity, bpy.types.Operator):
    """Take back sliders, re-rolls and variants; sculpting stays, and so do corrections by hand until their points are let go"""

    bl_idname = "likeness.reset_identity"
    bl_label = "Reset Identity"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not require_head(cls, context, "identity"):
            return False
        from ..scene import head, identity

        if identity.is_as_made(head.find_head(context)):
            cls.poll_message_set("This head is as it was made, or corrected by hand")
            return False
        return True

    def _change(self, obj: bpy.types.Object) -> None:
        from ..scene import correction

        correction.reset(obj)


class LIKENESS_OT_step_identity(EditsIdentity, bpy.types.Operator):
    """Go back or forward among the shapes that this head had"""

    bl_idname = "likeness.step_identity"
    bl_label = "Step Through Shapes"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(
        name="Direction", description="Where to go", items=DIRECTIONS, default="BACK", translation_context=CONTEXT
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(next(text for key, _, text in DIRECTIONS if key == properties.direction))

    def _change(self, obj: bpy.types.Object) -> None:
        from ..scene import identity

        identity.step_history(obj, -1 if self.direction == "BACK" else 1)


CLASSES = (
    LIKENESS_OT_reroll_identity,
    LIKENESS_OT_draw_variants,
    LIKENESS_OT_choose_variant,
    LIKENESS_OT_make_model_ready,
    LIKENESS_OT_reset_identity,
    LIKENESS_OT_step_identity,
)

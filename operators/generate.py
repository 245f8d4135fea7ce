"""A random person in the scene, from a seed: straight through in background mode and scripts, by the worker in the window."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..properties import TEXTURE_SIZES, TRUNCATION
from .head_operator import HeadOperator
from .paper_method import PaperMethod

DIGITS = 6
"""Of numbers in Blender's single precision, so that 0.8 is the 0.8 of a batch."""


class LIKENESS_OT_generate(PaperMethod, HeadOperator, bpy.types.Operator):
    """Make a rigged, textured head of nobody; the same seed always makes the same person"""

    bl_idname = "likeness.generate"
    bl_label = "Random Person"
    bl_options: set[Any] = {"UNDO"}

    seed: IntProperty(name="Seed", description="Who it is: the same seed always makes the same person", default=0, min=0)
    texture_size: EnumProperty(
        name="Texture", description="The albedo's width and height in pixels", items=TEXTURE_SIZES, default="2048"
    )
    truncation: FloatProperty(
        name="Truncation", description=TRUNCATION, default=0.5, min=0.0, max=1.0, subtype="FACTOR", options={"SKIP_SAVE"}
    )
    mix_seed: IntProperty(
        name="Mix Seed", description="Whose finer half it is: another seed's, or -1 for nobody else's", default=-1, min=-1,
        options={"SKIP_SAVE"},
    )  # fmt: skip

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job; the panel's next press makes the next person."""
        outcome = super().invoke(context, event)
        settings = context.scene.likeness
        if outcome == {"RUNNING_MODAL"} and settings.seed == self.seed:
            settings.seed += 1
        return outcome

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        title = rpt_("Person {seed}").format(seed=self.seed)
        if self.method == "PAPER":
            told = self._tell_paper(is_generated=True)
            mix_seed = None if self.mix_seed < 0 else self.mix_seed
            told |= {"truncation": round(self.truncation, DIGITS), "mix_seed": mix_seed}
            return title, "generate_by_paper", told | {"seed": self.seed}
        return title, "generate", {"seed": self.seed, "texture_size": int(self.texture_size)}


CLASSES = (LIKENESS_OT_generate,)

"""A random person in the scene, from a seed: straight through in background mode and scripts, by the worker in the window."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import EnumProperty, IntProperty

from ..properties import TEXTURE_SIZES
from .head_operator import HeadOperator


class LIKENESS_OT_generate(HeadOperator, bpy.types.Operator):
    """Make a rigged, textured head of nobody; the same seed always makes the same person"""

    bl_idname = "likeness.generate"
    bl_label = "Random Person"
    bl_options: set[Any] = {"UNDO"}

    seed: IntProperty(name="Seed", description="Who it is: the same seed always makes the same person", default=0, min=0)

    texture_size: EnumProperty(
        name="Texture", description="The albedo's width and height in pixels", items=TEXTURE_SIZES, default="2048"
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job; the panel's next press makes the next person."""
        outcome = super().invoke(context, event)
        settings = context.scene.likeness
        if outcome == {"RUNNING_MODAL"} and settings.seed == self.seed:
            settings.seed += 1
        return outcome

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        title = rpt_("Person {seed}").format(seed=self.seed)
        return title, "generate", {"seed": self.seed, "texture_size": int(self.texture_size)}


CLASSES = (LIKENESS_OT_generate,)

"""A random person in the scene, from a seed: straight through in background mode and scripts, stage by stage in the window."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import bpy
from bpy.props import IntProperty

from .head_operator import HeadOperator

if TYPE_CHECKING:
    from ..core.types import HeadAsset, Progress


class LIKENESS_OT_generate(HeadOperator, bpy.types.Operator):
    """Make a rigged, textured head of nobody; the same seed always makes the same person"""

    bl_idname = "likeness.generate"
    bl_label = "Random Person"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(name="Seed", description="Who it is: the same seed always makes the same person", default=0, min=0)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job."""
        return self._start(context)

    def _steps(self) -> Generator[Progress, None, list[HeadAsset]]:
        from ..core.generation import generate_head

        return [(yield from generate_head(self.seed))]


CLASSES = (LIKENESS_OT_generate,)

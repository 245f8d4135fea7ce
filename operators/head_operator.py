"""What the operators that make heads have in common: poll, the modal job with its cancel, the heads put into the scene.

Rule of this file: what is made is the operator's business (`_steps`); that it comes whole, in one step to undo, is done here.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import bpy

from ..core.errors import describe_error
from .job import Job, run_to_end

if TYPE_CHECKING:
    from ..core.types import HeadAsset, Progress

RUNNING = "A head is being made: wait for it, or press Esc"


class HeadOperator:
    """To be inherited beside bpy.types.Operator."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if Job.current:
            cls.poll_message_set(RUNNING)
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Heads are made in Object Mode: press Tab to leave this mode")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end at once."""
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

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the program closes."""
        if Job.current:
            Job.current.stop(context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        Job(context, self._steps())
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _steps(self) -> Generator[Progress, None, list[HeadAsset]]:
        raise NotImplementedError

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
        rated = [asset.provenance["confidence"] for asset in assets if "confidence" in asset.provenance]
        self.report({"INFO"}, f"Made {names}: {min(rated):.0%} sure" if rated else f"Made {names}")
        context.window_manager.likeness_job.error = ""
        if not bpy.app.background:
            show_selected(context)
        return {"FINISHED"}

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        sentence = describe_error(error)
        context.window_manager.likeness_job.error = sentence
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}


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

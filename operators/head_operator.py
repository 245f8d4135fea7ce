"""What the operators that make heads have in common: the heads put into the scene, whole, in one step to undo, and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .job import JobOperator

if TYPE_CHECKING:
    from ..core.image_files import PackedHead


NEEDED = (
    "core.head.model", "core.render.shading", "core.appearance.albedo", "core.fit.light", "core.fit.texture", "core.generation",
    "core.fit.correction", "core.photo.image", "scene.head", "scene.identity", "scene.correction", "scene.skin",
    "scene.transaction", "scene.provenance",
)  # fmt: skip
"""What writes a head into the scene and what the panels ask about it: .3 s of imports, none longer than .07 s."""


class HeadOperator(JobOperator):
    """To be inherited beside bpy.types.Operator."""

    needed = NEEDED

    def _finish(self, context: bpy.types.Context, heads: list[PackedHead]) -> set[str]:
        from ..scene import head, transaction

        with transaction.all_or_nothing():
            made = [head.create_head(context, packed.asset, images=packed.images) for packed in heads]
        for obj in made:
            if context.mode == "OBJECT":
                obj.select_set(True)
        assets = [packed.asset for packed in heads]
        for warning in (warning for asset in assets for warning in asset.provenance.get("warnings", ())):
            self.report({"WARNING"}, warning)
        names = ", ".join(obj.name for obj in made)
        rated = [asset.provenance["confidence"] for asset in assets if "confidence" in asset.provenance]
        self.report({"INFO"}, f"Made {names}: {min(rated):.0%} sure" if rated else f"Made {names}")
        context.window_manager.likeness_job.error = ""
        if not bpy.app.background:
            show_selected(context)
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

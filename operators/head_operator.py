"""What the operators that make heads have in common: the heads put into the scene, whole, in one step to undo, and looked at."""

from __future__ import annotations

from collections.abc import Generator
from math import cos, radians
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from mathutils import Euler, Vector

from ..translations.sentences import translate_sentence
from .job import JobOperator

if TYPE_CHECKING:
    from ..core.image_files import PackedHead


FACING_DEG = 40.0
"""A view at most so far from straight before the face shows it already."""
ASIDE_DEG, ABOVE_DEG = 25.0, 8.0
NEEDED = (
    "core.head.model", "core.render.shading", "core.appearance.albedo", "core.fit.light", "core.fit.texture", "core.generation",
    "core.fit.correction", "core.photo.image", "scene.head", "scene.identity", "scene.correction", "scene.skin",
    "scene.transaction", "scene.provenance",
)  # fmt: skip
"""What writes a head into the scene and what the panels ask about it: .3 s of imports, none longer than .07 s."""


class HeadOperator(JobOperator):
    """To be inherited beside bpy.types.Operator."""

    needed = NEEDED

    def _finish_in_steps(self, context: bpy.types.Context, heads: list[PackedHead]) -> Generator[None, None, set[str]]:
        from ..scene import head

        made: list[str] = []
        try:
            for packed in heads:
                obj = yield from head.create_head_in_steps(context, packed.asset, packed.images)
                made.append(obj.name)
        except BaseException:
            for name in made:
                head.remove_head(bpy.data.objects[name])
            raise
        if context.mode == "OBJECT":
            for name in made:
                bpy.data.objects[name].select_set(True)
        assets = [packed.asset for packed in heads]
        for warning in (warning for asset in assets for warning in asset.provenance.get("warnings", ())):
            self.report({"WARNING"}, translate_sentence(warning))
        names = ", ".join(made)
        rated = [asset.provenance["confidence"] for asset in assets if "confidence" in asset.provenance]
        said = rpt_("Made {names}: {share:.0%} sure") if rated else rpt_("Made {names}")
        self.report({"INFO"}, said.format(names=names, share=min(rated, default=1.0)))
        context.window_manager.likeness_job.error = ""
        if not bpy.app.background:
            show_selected(context)
        return {"FINISHED"}


def show_selected(context: bpy.types.Context) -> None:
    """Turn a 3D view to the new heads: they are a quarter of a metre large, and the view may be anywhere; show their textures.

    The view that the operator was started in, else the window's largest. Looking is no step of its own to undo.
    """
    views = [area for area in context.window.screen.areas if area.type == "VIEW_3D"] if context.window else []
    if not views:
        return
    area = context.area if context.area in views else max(views, key=lambda view: view.width * view.height)
    region = next(region for region in area.regions if region.type == "WINDOW")
    turn_to_face(area.spaces.active.region_3d)
    with context.temp_override(area=area, region=region):
        if bpy.ops.view3d.view_selected.poll():
            bpy.ops.view3d.view_selected()
    shading = area.spaces.active.shading
    if shading.type == "SOLID" and shading.color_type == "MATERIAL":
        shading.color_type = "TEXTURE"  # a face without its eyes and lips is not what was made


def turn_to_face(view: bpy.types.RegionView3D) -> None:
    """Heads face -Y: a free view that would show this one from the side or from behind is turned to its face, three quarters."""
    if view.view_perspective == "CAMERA" or view.is_orthographic_side_view:
        return
    if (view.view_rotation @ Vector((0, 0, 1))).dot(Vector((0, -1, 0))) < cos(radians(FACING_DEG)):
        view.view_rotation = Euler((radians(90 - ABOVE_DEG), 0, radians(ASIDE_DEG))).to_quaternion()

"""The paper's networks: how heads are made by them, and of the selected head which made it, under which terms."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..preferences import chosen_method
from .drawing import HeadPanel, draw_lines, draw_sentence

PIECE = 16
"""Letters of a SHA-256 on a line."""


def draw_method(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Which way, and for the paper's how far it is gone; for where a folder of its files is chosen."""
    layout.row(align=True).prop(settings, "method", expand=True)
    if settings.method == "PAPER":
        row = layout.row(align=True)
        refine = row.row(align=True)
        refine.enabled = not settings.as_released
        refine.prop(settings, "refine", toggle=True)
        row.prop(settings, "as_released", toggle=True)


def set_style(person: bpy.types.OperatorProperties, context: bpy.types.Context) -> None:
    """What a random person is made by, for likeness.generate."""
    settings = context.scene.likeness
    person.texture_size, person.method, person.as_released = settings.texture_size, chosen_method(context), settings.as_released
    person.truncation, person.mix_seed = settings.truncation, settings.mix_seed if settings.is_mixed else -1


def draw_styles(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Of the paper's random people."""
    layout.prop(settings, "truncation")
    row = layout.row(align=True)
    row.prop(settings, "is_mixed", toggle=True)
    seed = row.row(align=True)
    seed.enabled = settings.is_mixed
    seed.prop(settings, "mix_seed", text="")


class LIKENESS_PT_networks(HeadPanel, bpy.types.Panel):
    """The networks that made the selected head"""

    bl_idname = "LIKENESS_PT_networks"
    bl_parent_id = "LIKENESS_PT_result"
    bl_label = "Networks"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import head, provenance

        obj = head.find_head(context)
        return obj is not None and "paper" in provenance.read_provenance(obj)

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, provenance

        told = provenance.read_provenance(head.find_head(context))
        paper = told["paper"]
        draw_sentence(self.layout, context, _describe_way(paper), "INFO")
        files: dict[tuple[str, str], list[dict]] = {}
        for network in paper["networks"]:
            files.setdefault((network["source_file"], network["source_sha256"]), []).append(network)
        for (name, sha256), networks in files.items():
            titles, licences = ([network[key] for network in networks] for key in ("title", "licence"))
            self._draw_file(context, name, ", ".join(titles), sha256, licences)
        model = [told.get(key, "") for key in ("model_file", "model", "model_sha256", "model_licence")]
        self._draw_file(context, *model[:3], model[3:])
        draw_sentence(self.layout, context, told.get("licence", ""), "INFO")

    def _draw_file(self, context: bpy.types.Context, name: str, held: str, sha256: str, licences: list[str]) -> None:
        column = self.layout.box().column(align=True)
        column.label(text=name, icon="FILE", translate=False)
        draw_lines(column, context, held, "BLANK1")
        for start in range(0, len(sha256), PIECE):
            column.label(text=sha256[start : start + PIECE], icon="BLANK1", translate=False)
        for licence in dict.fromkeys(licences):
            draw_lines(column, context, licence, "INFO")


def _describe_way(paper: dict) -> str:
    if paper["refined"]:
        return iface_("The paper's networks, refined by Likeness' fit")
    if paper["faults"]:
        return iface_("The paper's networks as released, with faults of the release")
    return iface_("The paper's networks, their result as it is")


CLASSES = (LIKENESS_PT_networks,)

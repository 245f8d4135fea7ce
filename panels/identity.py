"""Identity: who the head is. Sliders that move it while dragging, locks, re-rolling, and the way back."""

from __future__ import annotations

import bpy

from ..identity_properties import LOCK_PREFIX, SLIDERS, locked_regions
from ..translations import CONTEXT
from .drawing import HeadPanel, draw_sentence

LOCK_OF_GROUP = {"Nose": "nose", "Eyes": "eyes", "Mouth": "mouth", "Jaw": "jaw", "Ears": "ears"}
"""Sub-panels about one region carry its lock in their header."""
OTHER_LOCKS = ("cheeks", "forehead", "skull", "neck")


class LIKENESS_PT_identity(HeadPanel, bpy.types.Panel):
    """Who the selected head is"""

    bl_idname = "LIKENESS_PT_identity"
    bl_label = "Identity"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, head_model, identity

        obj = head.find_head(context)
        reason = identity.why_not(obj)
        if reason is not None:
            draw_sentence(self.layout.box(), context, reason, "INFO")
            if head_model.find_unready(obj) is not None:
                self.layout.operator("likeness.make_model_ready", icon="FILE_TICK")
            return
        identity.prepare(obj)
        self._draw_steps(obj, identity)
        draw_sliders(self.layout, obj, "Person")
        self._draw_locks(obj.likeness_identity)
        self._draw_reroll(obj.likeness_identity)

    def _draw_steps(self, obj: bpy.types.Object, identity: object) -> None:
        row = self.layout.row(align=True)
        for direction, by, icon in (("BACK", -1, "LOOP_BACK"), ("FORWARD", 1, "LOOP_FORWARDS")):
            step = row.row(align=True)
            step.enabled = identity.can_step(obj, by)
            step.operator("likeness.step_identity", text="", icon=icon).direction = direction
        row.operator("likeness.reset_identity", text="Reset", icon="FILE_REFRESH")

    def _draw_locks(self, settings: bpy.types.PropertyGroup) -> None:
        column = self.layout.column(align=True)
        column.label(text="Keep", text_ctxt=CONTEXT)
        grid = column.grid_flow(row_major=True, columns=3, even_columns=True, align=True)
        for name in (*LOCK_OF_GROUP.values(), *OTHER_LOCKS):
            draw_lock(grid, settings, name, True)

    def _draw_reroll(self, settings: bpy.types.PropertyGroup) -> None:
        column = self.layout.column(align=True)
        row = column.row(align=True)
        row.scale_y = 1.3
        for operator, icon in (("likeness.reroll_identity", "MOD_NOISE"), ("likeness.choose_variant", "IMGDISPLAY")):
            button = row.operator(operator, icon=icon)
            button.seed, button.strength, button.keep_person = settings.seed, settings.strength, settings.keep_person
        row = column.row(align=True)
        row.prop(settings, "strength", slider=True)
        row.prop(settings, "seed")
        column.prop(settings, "keep_person")


class IdentityGroup(HeadPanel):
    """To be inherited beside bpy.types.Panel: one group of sliders; bl_label is its name in SLIDERS."""

    bl_parent_id = "LIKENESS_PT_identity"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..scene import head, identity

        obj = head.find_head(context)
        return obj is not None and identity.why_not(obj) is None

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The region's lock."""
        from ..scene import head

        if self.bl_label in LOCK_OF_GROUP:
            self.layout.emboss = "NONE"
            draw_lock(self.layout, head.find_head(context).likeness_identity, LOCK_OF_GROUP[self.bl_label], False)

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head

        draw_sliders(self.layout, head.find_head(context), self.bl_label)


def draw_sliders(layout: bpy.types.UILayout, obj: bpy.types.Object, group: str) -> None:
    """A group's sliders; those that locks hold are greyed, those in which the model's people hardly differ are not there."""
    from ..scene import identity

    settings = obj.likeness_identity
    locks = locked_regions(settings)
    offered = [name for name in SLIDERS[group] if identity.is_offered(obj, name)]
    if len(offered) < len(SLIDERS[group]):
        layout.label(text="In other traits this model's people hardly differ", icon="INFO")
    column = layout.column(align=True)
    for name in offered:
        row = column.row(align=True)
        row.enabled = not identity.is_held(obj, name, locks)
        row.prop(settings, name, slider=True)


def draw_lock(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, name: str, has_text: bool) -> None:
    """A region's lock as a toggle."""
    key = LOCK_PREFIX + name
    icon = "LOCKED" if getattr(settings, key) else "UNLOCKED"
    if has_text:
        layout.prop(settings, key, icon=icon, toggle=True)
    else:
        layout.prop(settings, key, icon=icon, text="", icon_only=True)


def _group_panel(group: str) -> type[bpy.types.Panel]:
    name = f"LIKENESS_PT_identity_{group.lower().replace(' ', '_')}"
    members = {"bl_idname": name, "bl_label": group, "__doc__": "Sliders of the selected head"}
    return type(name, (IdentityGroup, bpy.types.Panel), members | {"__module__": __name__})


CLASSES = (LIKENESS_PT_identity, *(_group_panel(group) for group in SLIDERS if group != "Person"))

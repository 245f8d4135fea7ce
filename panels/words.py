"""Edit with Words: a line of English, who reads it, how much of it, what it may change, and what was understood of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..preferences import chosen_clip, find_preferences
from .drawing import HeadPanel, draw_job, draw_lines, draw_sentence

SWITCHES = ("words_change_shape", "words_change_skin", "words_change_expression")
MOST_OF_A_KIND = 3
"""CLIP moves a little of nearly everything: of units and of tints so many are listed, those that moved most."""


class LIKENESS_PT_words(HeadPanel, bpy.types.Panel):
    """Change the selected head by words"""

    bl_idname = "LIKENESS_PT_words"
    bl_label = "Edit with Words"

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene import head, words

        obj, settings = head.find_head(context), context.scene.likeness
        reason = words.why_not(obj)
        if reason is not None:
            draw_sentence(self.layout.box(), context, reason, "INFO")
            return
        is_by_clip = bool(chosen_clip(context)) and settings.words_way == "CLIP"
        column = self.layout.column(align=True)
        if chosen_clip(context):
            column.row(align=True).prop(settings, "words_way", expand=True)
        column.prop(settings, "words", text="", icon="OUTLINER_OB_FONT")
        row = column.row(align=True)
        for name in SWITCHES:
            row.prop(settings, name, toggle=True)
        column.prop(settings, "words_strength", slider=True)
        if is_by_clip:
            row = column.row(align=True)
            row.prop(settings, "clip_steps")
            row.prop(settings, "clip_seed")
        row = column.row(align=True)
        row.scale_y = 1.3
        way = "likeness.edit_with_clip" if is_by_clip else "likeness.edit_with_words"
        edit = row.operator(way, text="Apply Words", icon="CHECKMARK")
        edit.words, edit.strength = settings.words, settings.words_strength
        edit.changes_shape, edit.changes_skin = settings.words_change_shape, settings.words_change_skin
        edit.changes_expression = settings.words_change_expression
        if is_by_clip:
            edit.steps, edit.seed = settings.clip_steps, settings.clip_seed
        self._draw_pictures(context)
        if (last := words.last_edit(obj)) is not None:
            self._draw_last(context, last)
        if not chosen_clip(context) and find_preferences(context):
            said = "Any words, with CLIP: choose its file"
            shown = self.layout.operator("preferences.addon_show", text=said, icon="INFO", emboss=False)
            shown.module = __package__.rpartition(".")[0]

    def _draw_pictures(self, context: bpy.types.Context) -> None:
        """Heads on their way to the words."""
        for job in context.window_manager.likeness_job.row:
            if job.picture:
                box = self.layout.box()
                box.template_icon(icon_value=job.picture, scale=7.0)
                draw_job(box, context, job)

    def _draw_last(self, context: bpy.types.Context, last: dict[str, Any]) -> None:
        """What was understood and what was not, in the words' own language; of CLIP how near it came, and what moved most."""
        box = self.layout.box()
        if "loss_after" in last:
            said = iface_("Loss {before:.3f} -> {after:.3f} in {steps} steps")
            told = said.format(before=last["loss_before"], after=last["loss_after"], steps=last["steps"])
            draw_lines(box, context, f"\u201c{last['words']}\u201d", "OUTLINER_OB_FONT")
            draw_lines(box, context, told, "GRAPH")
        understood = first_of_each(last["understood"]) if "loss_after" in last else last["understood"]
        for icon, sentences in (("CHECKMARK", understood), ("QUESTION", last["ignored"])):
            for sentence in sentences:
                draw_lines(box, context, sentence, icon)
        if (more := len(last["understood"]) - len(understood)) > 0:
            box.label(text=iface_("and {count} more").format(count=more), icon="BLANK1", translate=False)


def first_of_each(sentences: list[str]) -> list[str]:
    """Of sentences that begin with the same word the first few."""
    counts: Counter[str] = Counter()
    shown = []
    for sentence in sentences:
        kind = sentence.split()[0]
        counts[kind] += 1
        if counts[kind] <= MOST_OF_A_KIND:
            shown.append(sentence)
    return shown


CLASSES = (LIKENESS_PT_words,)

"""Edit with Words: a line of English, how much of it, what it may change, and what was understood of it."""

from __future__ import annotations

import bpy

from .drawing import HeadPanel, draw_lines, draw_sentence

SWITCHES = ("words_change_shape", "words_change_skin", "words_change_expression")


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
        column = self.layout.column(align=True)
        column.prop(settings, "words", text="", icon="OUTLINER_OB_FONT")
        row = column.row(align=True)
        for name in SWITCHES:
            row.prop(settings, name, toggle=True)
        column.prop(settings, "words_strength", slider=True)
        row = column.row(align=True)
        row.scale_y = 1.3
        edit = row.operator("likeness.edit_with_words", text="Apply Words", icon="CHECKMARK")
        edit.words, edit.strength = settings.words, settings.words_strength
        edit.changes_shape, edit.changes_skin = settings.words_change_shape, settings.words_change_skin
        edit.changes_expression = settings.words_change_expression
        if (last := words.last_edit(obj)) is not None:
            self._draw_last(context, last)

    def _draw_last(self, context: bpy.types.Context, last: dict[str, list[str]]) -> None:
        """What was understood and what was not, in the words' own language."""
        box = self.layout.box()
        for icon, sentences in (("CHECKMARK", last["understood"]), ("QUESTION", last["ignored"])):
            for sentence in sentences:
                draw_lines(box, context, sentence, icon)


CLASSES = (LIKENESS_PT_words,)

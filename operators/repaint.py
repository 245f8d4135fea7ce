"""A head's textures painted from its photos anew, on the shape that it has now."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from ..core.errors import SceneError, SkinError
from . import restyle_skin
from .job import JobOperator
from .selection import find_object, require_head
from .telling import describe_error


class LIKENESS_OT_repaint(JobOperator, bpy.types.Operator):
    """Paint the head's textures from its photo anew, on the shape that it has now"""

    bl_idname = "likeness.repaint"
    bl_label = "Repaint from Photo"
    bl_options: set[Any] = {"UNDO"}

    head: StringProperty(name="Head", description="The head's mesh object; empty: the selected one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return require_head(cls, context, "correction")

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        from ..scene import correction, head

        obj = bpy.data.objects.get(self.head) if self.head else head.find_head(bpy.context)
        if not head.is_head(obj):
            raise SceneError(f"There is no head called '{self.head}'.")
        self._uid, self._stamp, self._missing = obj.session_uid, correction.stamp(obj), correction.count_missing_photos(obj)
        arguments = correction.repaint_arguments(obj)
        self._count = 1 + len(arguments["further"])
        return rpt_("{name}, painted anew").format(name=obj.name), "repaint", arguments

    def _finish(self, context: bpy.types.Context, result: Any) -> set[str]:
        from ..scene import correction, skin

        obj = find_object(self._uid)
        if obj is None or correction.stamp(obj) != self._stamp:
            raise SceneError("The head was changed or removed meanwhile: nothing was painted. Press Repaint again.")
        chosen = skin.changed_numbers(obj)
        correction.repaint(obj, result)
        kinds, said = self._describe(obj)
        try:
            if chosen and restyle_skin.ask_again(obj, chosen):
                said = rpt_("{painted}. The changes to its skin come back too").format(painted=said)
        except SkinError as error:
            told = rpt_("{painted}. The changes to its skin are lost: {reason}")
            kinds, said = {"WARNING"}, told.format(painted=said, reason=describe_error(error))
        self.report(kinds, said)
        return {"FINISHED"}

    def _describe(self, obj: bpy.types.Object) -> tuple[set[str], str]:
        """What was painted, and whether it is a warning."""
        if self._missing:
            said = rpt_("Painted {name}, but {count} of its photos are not in this file: what only they showed is now a guess")
            return {"WARNING"}, said.format(name=obj.name, count=self._missing)
        if self._count > 1:
            return {"INFO"}, rpt_("Painted {name} from its {count} photos").format(name=obj.name, count=self._count)
        return {"INFO"}, rpt_("Painted {name} from its photo").format(name=obj.name)


CLASSES = (LIKENESS_OT_repaint,)

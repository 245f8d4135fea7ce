"""What the operators that make heads have in common where the paper's networks make them: which folder, and how.

Rule of this file: a folder that lacks what is needed is refused before a worker is started.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..preferences import paper_folder
from ..properties import AS_RELEASED, METHODS, RELATIVE_PATH
from ..translations import CONTEXT

ALL_FAULTS = ["all"]


class PaperMethod:
    """To be inherited beside bpy.types.Operator."""

    method: EnumProperty(
        name="Method", description="What heads are made by", items=METHODS, default="LIKENESS", translation_context=CONTEXT,
        options={"SKIP_SAVE"},
    )  # fmt: skip
    paper_folder: StringProperty(
        name="Paper's Files",
        description="The folder with the paper's networks; empty: the one that the preferences name",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"} | RELATIVE_PATH,
    )
    as_released: BoolProperty(name="As Released", description=AS_RELEASED, default=False, options={"SKIP_SAVE"})

    def _tell_paper(self, *, is_generated: bool) -> dict[str, Any]:
        """What both stories of the paper's method are told. Raises ModelError, one sentence that names what is missing."""
        from ..core.errors import ModelError
        from ..core.paper.files import find_paper_files

        folder = bpy.path.abspath(self.paper_folder) or paper_folder(bpy.context)
        if not folder:
            raise ModelError(
                "No folder with the paper's files is chosen: choose one in Likeness' preferences, or give it as paper_folder."
            )
        find_paper_files(folder, is_generated=is_generated)
        return {"folder": folder, "faults": ALL_FAULTS if self.as_released else [], "texture_size": int(self.texture_size)}

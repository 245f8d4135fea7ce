"""The models folder: check what its files are, take a model in, take one away. Nothing here touches the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, StringProperty

from ..core.errors import ModelError
from ..preferences import describe_size, embedded_model, find_preferences, models_folder, show_change
from .telling import describe_error

NO_PREFERENCES = "Likeness is not enabled as an add-on here: it has no models folder"


class ModelsFolderOperator:
    """To be inherited beside bpy.types.Operator: it needs the add-on's preferences, which say where the folder is."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if find_preferences(context) is None:
            cls.poll_message_set(NO_PREFERENCES)
            return False
        return True

    def _say(self, error: Exception) -> set[str]:
        self.report({"ERROR"}, describe_error(error))
        return {"CANCELLED"}


class LIKENESS_OT_check_models(ModelsFolderOperator, bpy.types.Operator):
    """Read every file of the models folder: whether photos can be fitted with it, its licence and its SHA-256"""

    bl_idname = "likeness.check_models"
    bl_label = "Check Models"
    bl_options: set[Any] = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Read them one after another; what they are is then shown until they change."""
        from ..core.model_files import inspect_model_file, list_model_files

        try:
            found = [inspect_model_file(path) for path in [embedded_model(), *list_model_files(models_folder(context))]]
        except Exception as error:
            return self._say(error)
        show_change(context)
        usable = sum(file.state == "usable" for file in found)
        said = rpt_("{usable} of {count} models can be used, the built-in head among them")
        self.report({"INFO"}, said.format(usable=usable, count=len(found)))
        return {"FINISHED"}


class LIKENESS_OT_import_model(ModelsFolderOperator, bpy.types.Operator):
    """Take a head model (.npz of Likeness, or FLAME's own file) into the models folder, after its licence is shown"""

    bl_idname = "likeness.import_model"
    bl_label = "Import Model"
    bl_options: set[Any] = {"INTERNAL"}

    filepath: StringProperty(
        name="Model", description="A head model: .npz, or FLAME's generic_model.pkl", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    is_link: BoolProperty(
        name="Link instead of copying",
        description="Leave the file where it is and only point to it; otherwise it is copied",
        default=False,
        options={"SKIP_SAVE"},
    )
    is_licence_accepted: BoolProperty(
        name="I may use this model under its licence",
        description="The licence is the model's own and not that of Likeness: what it allows holds for heads made with it too",
        default=False,
        options={"SKIP_SAVE"},
    )
    filter_glob: StringProperty(default="*.npz;*.pkl;*.pickle;*.safetensors", options={"HIDDEN"})
    is_from_selector: BoolProperty(default=False, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Without a file: let the person choose one. With one: read it, then show its licence."""
        if not self.filepath:
            self.is_from_selector = True
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        try:
            self._inspect()
        except Exception as error:
            return self._say(error)
        wm = context.window_manager
        return wm.invoke_props_dialog(self, width=460, title="Import This Model?", confirm_text="Import")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it in; after the file selector, hand over to an invocation of its own that shows the licence."""
        if self.is_from_selector and not bpy.app.background:
            bpy.ops.likeness.import_model("INVOKE_DEFAULT", filepath=self.filepath, is_link=self.is_link)
            return {"CANCELLED"}
        from ..core.model_files import import_model_file

        try:
            found = self._inspect()
            if not self.is_licence_accepted:
                raise ModelError(
                    f"{found.path.name} was not imported: confirm that you may use it under its licence ({found.licence})."
                )
            made = import_model_file(found.path, models_folder(context, is_made=True), is_link=self.is_link)
        except Exception as error:
            return self._say(error)
        show_change(context)
        self.report({"INFO"}, rpt_("{name} is in the models folder").format(name=made.name))
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        """In the file selector how to take it in; in the dialog what it is and under which licence."""
        from ..core.model_files import recall_model_file

        layout = self.layout
        found = None if self.is_from_selector else recall_model_file(Path(bpy.path.abspath(self.filepath)))
        if found:
            column = layout.column(align=True)
            column.label(text=found.name, icon="USER", translate=False)
            column.label(text=f"{found.path.name}, {describe_size(found.size_bytes)}", icon="FILE", translate=False)
            column.label(text=f"SHA-256 {found.sha256[:32]}", icon="BLANK1", translate=False)
            column.label(text=found.sha256[32:], icon="BLANK1", translate=False)
            box = layout.box().column(align=True)
            box.label(text="Its licence, as the file says:", icon="INFO")
            box.label(text=found.licence, icon="BLANK1", translate=False)
            box.label(text="It holds for heads that you make with this model too.", icon="BLANK1")
        layout.prop(self, "is_link")
        if found:
            layout.prop(self, "is_licence_accepted")

    def _inspect(self) -> Any:
        """What the chosen file is. Raises ModelError unless photos can be fitted with it."""
        from ..core.model_files import inspect_model_file

        found = inspect_model_file(Path(bpy.path.abspath(self.filepath)))
        if found.state != "usable":
            raise ModelError(f"{found.path.name} was not imported. {found.sentence}")
        return found


class LIKENESS_OT_use_model(ModelsFolderOperator, bpy.types.Operator):
    """Fit photos with this head model from now on; random people are always the built-in head's"""

    bl_idname = "likeness.use_model"
    bl_label = "Use Model"
    bl_options: set[Any] = {"INTERNAL"}

    filename: StringProperty(
        name="File", description="The file's name in the models folder; empty: the built-in head", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Note it in the preferences, once it is known that photos can be fitted with it."""
        from ..core.model_files import inspect_model_file

        try:
            if self.filename:
                found = inspect_model_file(models_folder(context) / Path(self.filename).name)
                if found.state != "usable":
                    raise ModelError(f"{self.filename} is not used. {found.sentence}")
        except Exception as error:
            return self._say(error)
        find_preferences(context).model = Path(self.filename).name
        show_change(context)
        return {"FINISHED"}


class LIKENESS_OT_remove_model(ModelsFolderOperator, bpy.types.Operator):
    """Delete this file from the models folder; heads that were made with it stay as they are"""

    bl_idname = "likeness.remove_model"
    bl_label = "Remove Model"
    bl_options: set[Any] = {"INTERNAL"}

    filename: StringProperty(name="File", description="The file's name in the models folder", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: a file that is deleted does not come back."""
        return context.window_manager.invoke_props_dialog(
            self, width=460, title="Delete This Model's File?", confirm_text="Delete"
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Which file."""
        self.layout.label(text=str(models_folder(context) / self.filename), icon="TRASH", translate=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete the file, which must be one that the folder lists."""
        from ..core.model_files import list_model_files, remove_model_file

        folder = models_folder(context)
        try:
            if self.filename not in (path.name for path in list_model_files(folder)):
                raise ModelError(f"The models folder holds no {self.filename}: give the name of one of its files.")
            remove_model_file(folder / self.filename)
        except Exception as error:
            return self._say(error)
        chosen = find_preferences(context)
        if chosen.model == self.filename:
            chosen.model = ""
        show_change(context)
        self.report({"INFO"}, rpt_("{name} was removed").format(name=self.filename))
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_check_models, LIKENESS_OT_import_model, LIKENESS_OT_use_model, LIKENESS_OT_remove_model)

"""Photos from outside: dropped on a 3D view, chosen under File > Import, pasted.

Rule of this file: it only says which photos become which heads, and asks where that is not plain; likeness.fit_photo makes them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import CollectionProperty, EnumProperty, StringProperty

from ..preferences import chosen_method
from ..properties import IMAGE_FILTER, RELATIVE_PATH
from .job import hand_over
from .photos import photo_folder
from .telling import describe_error, describe_refusal

PEOPLE = (
    ("SAME", "Same Person: One Head from All", "The photos show one person: a single head that agrees with all of them"),
    ("EACH", "Different People: a Head from Each", "The photos show different people: a head from each, one after the other"),
)
TICK_S = 0.05
NUM_NAMES = 8
"""The dialog names no more photos than this."""


class LIKENESS_OT_import_photos(bpy.types.Operator):
    """Make heads from photos of faces; several photos become one head of the same person, or a head each"""

    bl_idname = "likeness.import_photos"
    bl_label = "Head from Photo"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(
        name="Folder", description="The photos' folder", subtype="DIR_PATH", options={"SKIP_SAVE"} | RELATIVE_PATH
    )
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement,
        name="Files",
        description="The photos' file names in the folder",
        options={"SKIP_SAVE"},
    )
    paths: StringProperty(
        name="Paths", description="Paths of photos, one a line, in the place of folder and files", options={"SKIP_SAVE"}
    )
    people: EnumProperty(name="People", description="Who is on several photos", items=PEOPLE, default="SAME")
    filter_glob: StringProperty(default=IMAGE_FILTER, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Without photos: let the person choose. With several: ask who is on them."""
        photos = self._photos()
        if not photos:
            self.directory = photo_folder(context.scene.likeness.photo)
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        if len(photos) == 1:
            return self.execute(context)
        title = iface_("Heads from {count} Photos").format(count=len(photos))
        return context.window_manager.invoke_props_dialog(self, width=340, title=title, confirm_text="Generate")

    def draw(self, context: bpy.types.Context) -> None:
        """The dialog for several photos, and the file selector's sidebar."""
        is_dialog = context.space_data is None or context.space_data.type != "FILE_BROWSER"
        if is_dialog:
            photos = self._photos()
            names = self.layout.column(align=True)
            for path in photos[:NUM_NAMES]:
                names.label(text=os.path.basename(path), icon="IMAGE_DATA", translate=False)
            if len(photos) > NUM_NAMES:
                rest = iface_("and {count} more").format(count=len(photos) - NUM_NAMES)
                names.label(text=rest, icon="BLANK1", translate=False)
            self.layout.separator()
        else:
            self.layout.label(text="Several Photos")
        self.layout.column().prop(self, "people", expand=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """A job for each head; in the window each shows its own progress and makes its own step to undo."""
        settings, photos = context.scene.likeness, self._photos()
        if not photos:
            self.report({"ERROR"}, "No photo is chosen: select one or several in the file browser")
            return {"CANCELLED"}
        is_one_head = self.people == "SAME" or len(photos) == 1
        others = "\n".join(photos[1:]) if is_one_head else ""
        settings.photo, settings.others = photos[0], others
        options = {"faces": settings.faces, "face": settings.face} if len(photos) == 1 else {}
        options |= {"method": chosen_method(context), "refine": settings.refine, "as_released": settings.as_released}
        firsts = photos[:1] if is_one_head else photos
        num_made = sum(self._start(path, others=others, texture_size=settings.texture_size, **options) for path in firsts)
        if not num_made:
            return {"CANCELLED"}
        return {"FINISHED"} if bpy.app.background else {"INTERFACE"}

    def _start(self, path: str, **options: Any) -> bool:
        """Whether likeness.fit_photo took the photo (background mode: made its head); if not, its sentence is reported."""
        try:
            return "CANCELLED" not in bpy.ops.likeness.fit_photo("INVOKE_DEFAULT", filepath=path, **options)
        except RuntimeError as error:
            self.report({"ERROR"}, describe_refusal(error))
            return False

    def _photos(self) -> list[str]:
        """Absolute paths of the photos, each once."""
        folder = bpy.path.abspath(self.directory)
        named = [os.path.join(folder, file.name) for file in self.files if file.name]
        given = [bpy.path.abspath(path) for path in self.paths.splitlines() if path.strip()]
        return list(dict.fromkeys(given or named))


class LIKENESS_OT_paste_photo(bpy.types.Operator):
    """Make a head from the photo on the clipboard: a picture, a photo's file, or its path"""

    bl_idname = "likeness.paste_photo"
    bl_label = "Paste Photo"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait without keeping Blender from answering: the clipboard may be its own."""
        self._steps = self._read(context)
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look at every tick whether the photo is there."""
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            next(self._steps)
        except StopIteration as end:
            self.cancel(context)
            return self._use(end.value)
        except Exception as error:
            self.cancel(context)
            return self._fail(error)
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Take the timer away and stop asking."""
        self._steps.close()
        context.window_manager.event_timer_remove(self._timer)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wait for the photo, at most as long as the clipboard's owner is given."""
        steps = self._read(context)
        try:
            while True:
                next(steps)
                time.sleep(TICK_S)
        except StopIteration as end:
            return self._use(end.value)
        except Exception as error:
            return self._fail(error)

    def _read(self, context: bpy.types.Context) -> Generator[None, None, list[Path]]:
        from ..core.photo.clipboard import read_copied_photos

        return read_copied_photos(context.window_manager.clipboard, bpy.app.tempdir)

    def _use(self, photos: list[Path]) -> set[str]:
        """Go on as if the photos had been dropped."""
        hand_over(self, bpy.ops.likeness.import_photos, paths="\n".join(map(str, photos)))
        return {"FINISHED"}

    def _fail(self, error: Exception) -> set[str]:
        self.report({"ERROR"}, describe_error(error))
        return {"CANCELLED"}


class LIKENESS_FH_photos(bpy.types.FileHandler):
    """Photos dropped on a 3D view; Blender asks first where it could also make an image of them"""

    bl_idname = "LIKENESS_FH_photos"
    bl_label = "Photos of Faces"
    bl_import_operator = "likeness.import_photos"
    bl_file_extensions = IMAGE_FILTER.replace("*", "")

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """In every mode: the head comes when the mode is left."""
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (LIKENESS_OT_import_photos, LIKENESS_OT_paste_photo, LIKENESS_FH_photos)

"""The cache of compiled kernels: clear it, look at it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..preferences import describe_size, show_change
from .job import get_jobs
from .telling import describe_error

RUNNING = "A head is being made with what the cache holds: wait for it, or cancel it"


class LIKENESS_OT_clear_cache(bpy.types.Operator):
    """Delete the compiled kernels; the next head waits some seconds until they are compiled again"""

    bl_idname = "likeness.clear_cache"
    bl_label = "Clear Cache"
    bl_options: set[Any] = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window_manager.likeness_job.is_running:
            cls.poll_message_set(RUNNING)
            return False
        from ..core.cache import cache_folders

        if not cache_folders():
            cls.poll_message_set("Nothing is cached")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete what is ours in the cache folder."""
        from ..core.cache import clear_cache

        get_jobs().stop_worker()  # on Windows no file is deleted that a process has loaded
        try:
            cleared = clear_cache()
        except Exception as error:
            self.report({"ERROR"}, describe_error(error))
            return {"CANCELLED"}
        show_change(context)
        said = rpt_("{size} in {count} files were deleted")
        self.report({"INFO"}, said.format(size=describe_size(cleared.num_bytes), count=cleared.num_files))
        return {"FINISHED"}


class LIKENESS_OT_open_cache(bpy.types.Operator):
    """Show the cache's folder in the system's file browser"""

    bl_idname = "likeness.open_cache"
    bl_label = "Open Folder"
    bl_options: set[Any] = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..core.config import cache_dir

        if not cache_dir().is_dir():
            cls.poll_message_set("Nothing is cached yet: there is no folder")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Let the system open it."""
        from ..core.config import cache_dir

        bpy.ops.wm.path_open(filepath=str(cache_dir()))
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_clear_cache, LIKENESS_OT_open_cache)

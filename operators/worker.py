"""The worker process tried out: does the chosen Python start, and what does it run on?"""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..translations.sentences import translate_sentence
from .job import JobOperator, close_jobs, get_jobs, is_watching


class LIKENESS_OT_test_worker(JobOperator, bpy.types.Operator):
    """Start the worker process anew and say what it runs on"""

    bl_idname = "likeness.test_worker"
    bl_label = "Test"
    bl_options: set[Any] = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window_manager.likeness_job.is_running:
            cls.poll_message_set("A head is being made: wait for it, or cancel it")
            return False
        if is_watching():
            cls.poll_message_set("A finished head waits to be put into the scene: leave the 3D view's present mode first")
            return False
        return True

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        if not bpy.app.background:
            close_jobs()
            get_jobs()
        self._started_s = time.monotonic()
        return rpt_("Worker"), "check", {}

    def _finish(self, context: bpy.types.Context, result: tuple[str, ...]) -> set[str]:
        seconds = time.monotonic() - self._started_s
        context.window_manager.likeness_job.worker = " | ".join(result)
        said = rpt_("The worker works, ready after {seconds:.1f} s: {facts}")
        self.report({"INFO"}, said.format(seconds=seconds, facts=" ".join(map(translate_sentence, result))))
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_test_worker,)

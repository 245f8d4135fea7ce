"""What jobs show of their work on its way, as pictures that the sidebar can draw.

Rule of this file: a picture is there while its job is shown; Blender gets its pixels only when there are new ones.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import bpy.utils.previews

if TYPE_CHECKING:
    from ..worker.jobs import Job

_previews: bpy.utils.previews.ImagePreviewCollection | None = None
_shown: dict[int, Any] = {}
"""Job's number -> the picture that its preview shows."""


def icon_of(job: Job) -> int:
    """The icon of the job's last picture; 0 where it has shown none."""
    global _previews
    if job.picture is None:
        return 0
    if _previews is None:
        _previews = bpy.utils.previews.new()
    name = str(job.number)
    preview = _previews[name] if name in _previews else _previews.new(name)
    if _shown.get(job.number) is not job.picture:
        from ..scene.image import fill_preview

        fill_preview(preview, job.picture)
        _shown[job.number] = job.picture
    return preview.icon_id


def keep_pictures(numbers: Collection[int]) -> None:
    """Give all pictures back once none is of these jobs."""
    global _previews
    if _previews is not None and not _shown.keys() & set(numbers):
        bpy.utils.previews.remove(_previews)
        _previews = None
        _shown.clear()

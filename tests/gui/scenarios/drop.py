"""Photos dropped on the 3D view, as Blender hands them over: one starts at once, of several it is asked who they show."""

import shutil
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import OUT, PHOTO, names, point, press, report, wait, wait_idle, work


def drop(*photos):
    files = [{"name": photo.name} for photo in photos]
    with ctx():
        bpy.ops.likeness.import_photos("INVOKE_DEFAULT", directory=str(photos[0].parent), files=files)


def steps():
    yield 2
    open_tab("Likeness")
    photos = [Path(shutil.copy(PHOTO, OUT.parent / name)) for name in ("one.png", "two.png")]
    handlers = [cls for cls in bpy.types.FileHandler.__subclasses__() if cls.__name__.startswith("LIKENESS")]
    report(takes=[cls.bl_file_extensions for cls in handlers])
    drop(photos[0])
    yield from wait(lambda: work().is_running, 10)
    report(started=[item.name for item in work().row])
    yield from wait_idle()
    yield 1
    before = names()
    drop(*photos)
    yield 2
    shot("dialog")
    report(is_asked=not work().is_running)
    point(760, 560)
    press("Return")
    yield from wait(lambda: work().is_running, 10)
    yield from wait_idle()
    yield 1
    report(made=sorted(set(names()) - set(before)), error=work().error)

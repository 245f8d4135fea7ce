"""Registers what Blender shows, and takes all of it away again.

Rule of this file: enabling imports nothing heavier than Blender's own modules. Photos, Warp and NumPy work come in with
the first job.
"""

from __future__ import annotations

import atexit

import bpy

from . import identity_properties, keymap, operators, panels, preferences, properties, skin_properties, translations
from .operators import correct, identity, job, presets, restyle_skin, status
from .panels import drawing, menus

MODULES = (preferences, properties, identity_properties, skin_properties, *operators.MODULES, *panels.MODULES)
"""In order of registration: property groups before what points to them."""


def register() -> None:
    """Register every class of MODULES, then the properties that hang on Blender's own types."""
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.attach()
    identity_properties.attach()
    skin_properties.attach()
    presets.attach()
    menus.attach()
    translations.register()
    keymap.follow_preference()
    if not bpy.app.binary_path:
        atexit.unregister(leave)
        atexit.register(leave)


def unregister() -> None:
    """Undo register(), in reverse, after ending a running job."""
    if not hasattr(bpy.types.Scene, "likeness"):
        return  # at exit: Blender as a Python module ends its add-ons once more
    restyle_skin.drop_wishes()
    correct.abandon()
    job.close_jobs()
    status.forget()
    keymap.remove_shortcut()
    translations.unregister()
    menus.detach()
    presets.detach()
    drawing.forget_presets()
    drawing.drop_thumbnails()
    identity.drop_sheet()
    skin_properties.detach()
    identity_properties.detach()
    properties.detach()
    for module in reversed(MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)


def leave() -> None:
    """At the end of Blender as a Python module: 4.2 to 4.5 crash or hang over classes, and over properties with get and set
    even of unregistered groups, that are still there when Python is gone.
    """
    unregister()
    for module in MODULES:
        for cls in module.CLASSES:
            if issubclass(cls, bpy.types.PropertyGroup):
                cls.__annotations__.clear()

"""The pie menu's shortcut, Ctrl Shift H in Object Mode: there only while the preference asks for it.

Rule of this file: it lies in the add-on key configuration, where Preferences > Keymap shows it and a person can change it.
"""

from __future__ import annotations

import bpy

PIE = "LIKENESS_MT_pie"
KEYMAP = "Object Mode"


def add_shortcut() -> None:
    """Add it once. Without a window (background mode) there are no keymaps and nothing is done."""
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None or find_shortcuts():
        return
    keymap = config.keymaps.new(name=KEYMAP, space_type="EMPTY")
    keymap.keymap_items.new("wm.call_menu_pie", "H", "PRESS", ctrl=True, shift=True).properties.name = PIE


def remove_shortcut() -> None:
    """Take it away, wherever it is."""
    for keymap, item in find_shortcuts():
        keymap.keymap_items.remove(item)


def find_shortcuts() -> list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]]:
    """The keymap and the item of each shortcut of ours."""
    config = bpy.context.window_manager.keyconfigs.addon
    keymap = config.keymaps.get(KEYMAP) if config else None
    items = keymap.keymap_items if keymap else ()
    return [(keymap, item) for item in items if item.idname == "wm.call_menu_pie" and item.properties.name == PIE]


def follow_preference() -> None:
    """Add or remove it as the preference says; off where there are no preferences (the package is no add-on)."""
    addon = bpy.context.preferences.addons.get(__package__)
    is_wanted = getattr(addon.preferences, "use_pie_menu", False) if addon else False
    (add_shortcut if is_wanted else remove_shortcut)()

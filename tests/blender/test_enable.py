"""Enabled and disabled, again and again: nothing is left in Blender; the pie menu's shortcut is there only where it is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from likeness import keymap
from likeness.panels import menus

ROOT = Path(__file__).resolve().parents[2]
TIMES = 50
PIE = "wm.call_menu_pie"


@pytest.fixture(scope="module")
def fifty_times(tmp_path_factory) -> dict:
    """What enabling.py found in a process of its own, with an empty profile."""
    profile = tmp_path_factory.mktemp("profile")
    command = [sys.executable, str(ROOT / "tests" / "blender" / "enabling.py"), str(ROOT), str(TIMES)]
    environment = os.environ | {"BLENDER_USER_RESOURCES": str(profile)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert not [word for word in ("Error", "Traceback", "Warning") if word in said], said
    return json.loads(next(line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")))


def test_enabling_and_disabling_fifty_times_leaves_nothing_behind(fifty_times):
    grown = {name: (count, fifty_times["after"][name]) for name, count in fifty_times["before"].items()}
    assert {name: counts for name, counts in grown.items() if counts[0] != counts[1]} == {}
    assert fifty_times["before"]["classes"] > 1000 and fifty_times["before"]["handlers"] > 0, "what is counted is there"


def drawn(menu: type) -> list:
    return [function for function in menu.draw._draw_funcs if function.__module__ == menus.__name__]


def test_the_menus_have_each_entry_once_and_none_after_disabling(extension):
    import likeness

    added = (bpy.types.TOPBAR_MT_file_import, bpy.types.VIEW3D_MT_mesh_add)
    assert [len(drawn(menu)) for menu in added] == [1, 1]
    likeness.unregister()
    try:
        assert [len(drawn(menu)) for menu in added] == [0, 0]
    finally:
        likeness.register()


@pytest.fixture
def preference(extension, monkeypatch):
    """Sets the preference as a person would, and tells the keymap."""

    def choose(use_pie_menu: bool | None) -> None:
        chosen = SimpleNamespace() if use_pie_menu is None else SimpleNamespace(use_pie_menu=use_pie_menu)
        addons = {keymap.__package__: SimpleNamespace(preferences=chosen)}
        context = SimpleNamespace(window_manager=bpy.context.window_manager, preferences=SimpleNamespace(addons=addons))
        monkeypatch.setattr(keymap, "bpy", SimpleNamespace(context=context, types=bpy.types))
        keymap.follow_preference()

    yield choose
    keymap.remove_shortcut()


def shortcuts() -> list[bpy.types.KeyMapItem]:
    keymaps = bpy.context.window_manager.keyconfigs.addon.keymaps
    items = [item for one in keymaps for item in one.keymap_items if item.idname == PIE]
    return [item for item in items if item.properties.name == menus.LIKENESS_MT_pie.bl_idname]


def test_there_is_no_shortcut_unless_it_is_wanted(preference):
    assert shortcuts() == []
    preference(None)
    assert shortcuts() == []


def test_the_shortcut_follows_the_preference(preference):
    preference(True)
    preference(True)
    (item,) = shortcuts()
    assert (item.type, item.ctrl, item.shift, item.alt) == ("H", True, True, False)
    preference(False)
    assert shortcuts() == []


def test_disabling_takes_the_shortcut_away(preference):
    import likeness

    preference(True)
    likeness.unregister()
    try:
        assert shortcuts() == []
    finally:
        likeness.register()


@pytest.mark.parametrize("last", ["likeness.register()", "likeness.register(); likeness.unregister()"])
def test_blender_as_a_python_module_ends_cleanly(last):
    script = f"import bpy, likeness; likeness.register(); likeness.unregister(); {last}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

"""What panels show of a head."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from likeness.operators import export as export_operator
from likeness.operators import expression as expression_operator
from likeness.panels import export as export_panel
from likeness.panels import expression as expression_panel
from likeness.scene import head
from synthetic import make_asset

pytestmark = pytest.mark.usefixtures("extension")
ASSET = make_asset()
TOLD = "Without the animation: File > Export > glTF 2.0 or FBX takes it along"


class Layout:
    """Keeps the operators' buttons that are drawn into it: their settings, and whether they can be pressed."""

    def __init__(self, parent: Layout | None = None) -> None:
        self.enabled, self.parent, self.buttons = True, parent, parent.buttons if parent else []

    def row(self, **_: Any) -> Layout:
        return Layout(self)

    column = grid_flow = row

    def operator(self, name: str, **_: Any) -> SimpleNamespace:
        self.buttons.append((self, SimpleNamespace(name=name)))
        return self.buttons[-1][1]

    def is_enabled(self) -> bool:
        return self.enabled and (self.parent is None or self.parent.is_enabled())

    def menu(self, *_: Any, **__: Any) -> None:
        pass

    operator_menu_enum = menu


def sentences_of_export(monkeypatch) -> list[str]:
    drawn: list[str] = []
    monkeypatch.setattr(export_panel, "draw_sentence", lambda *arguments: drawn.append(arguments[2:]))
    export_panel.LIKENESS_PT_export.draw(SimpleNamespace(layout=Layout()), bpy.context)
    return drawn


def reports_of_export(path, format_name: str) -> list[tuple[set[str], str]]:
    reports: list[tuple[set[str], str]] = []
    played = SimpleNamespace(filepath=str(path), format=format_name, report=lambda *told: reports.append(told))
    assert export_operator.LIKENESS_OT_export_head.execute(played, bpy.context) == {"FINISHED"}
    return reports


@pytest.mark.parametrize("format_name", ["glb", "fbx", "obj", "npz"])
@pytest.mark.parametrize("moves", ["keys", "strips", "nothing"])
def test_only_where_an_animation_is_left_behind_the_export_says_so(monkeypatch, tmp_path, format_name, moves):
    obj = head.create_head(bpy.context, ASSET)
    if moves != "nothing":
        obj.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=4)
    if moves == "strips":
        animation = obj.data.shape_keys.animation_data
        animation.nla_tracks.new().strips.new("talk", 1, animation.action)
        animation.action = None
    is_left = moves != "nothing" and format_name in ("glb", "fbx")
    said = [({"WARNING"}, TOLD)] if is_left else []
    assert reports_of_export(tmp_path / f"head.{format_name}", format_name)[1:] == said
    assert sentences_of_export(monkeypatch) == ([(TOLD, "INFO")] if moves != "nothing" else [])


@pytest.mark.parametrize("has_photo", [False, True])
def test_the_photos_expression_is_offered_where_there_was_a_photo(monkeypatch, has_photo):
    asset = ASSET if has_photo else replace(ASSET, camera=None, photo=None, light=None)
    obj, layout = head.create_head(bpy.context, asset), Layout()
    panel = SimpleNamespace(layout=layout, _draw_units=lambda obj: None)
    monkeypatch.setattr(expression_panel, "draw_presets", lambda *_: None)
    expression_panel.LIKENESS_PT_expression.draw(panel, bpy.context)
    shown = {getattr(button, "expression", button.name): row.is_enabled() for row, button in layout.buttons}
    assert shown == {"NEUTRAL": True, "PHOTO": has_photo, "likeness.random_expression": True}
    described = expression_operator.LIKENESS_OT_apply_expression.description(bpy.context, SimpleNamespace(expression="PHOTO"))
    assert described.startswith("This head was made without a photo") != has_photo
    if not has_photo:
        obj.data.shape_keys.key_blocks["jawOpen"].value = 0.5
        with pytest.raises(RuntimeError, match="made without a photo"):
            bpy.ops.likeness.apply_expression(expression="PHOTO")
        assert obj.data.shape_keys.key_blocks["jawOpen"].value == 0.5

"""The extension's page in Blender's preferences: whether everything it needs is there, and what the paths are."""

from __future__ import annotations

from importlib.util import find_spec

import bpy

PARTS = (
    ("PIL", "Photos (Pillow)", True),
    ("pillow_heif", "HEIC photos (pillow-heif)", False),
    ("warp", "Rendering (Warp)", True),
)
"""Module, what it gives, whether a fit needs it."""


class LikenessPreferences(bpy.types.AddonPreferences):
    """Likeness has nothing to set up; this page says whether the installation is complete."""

    bl_idname = __package__

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for module, label, is_needed in PARTS:
            is_there = find_spec(module) is not None
            state = "installed" if is_there else "missing: reinstall the extension" if is_needed else "not available here"
            column.label(text=f"{label}: {state}", icon="CHECKMARK" if is_there else "ERROR" if is_needed else "INFO")
        from .core.config import ASSETS_DIR, VERSION, cache_dir

        has_assets = (ASSETS_DIR / "embedded_head.npz").exists()
        column.label(
            text=f"Head model: {'installed' if has_assets else 'missing: reinstall the extension'}",
            icon="CHECKMARK" if has_assets else "ERROR",
        )
        column.label(text=f"Version {VERSION}; compiled kernels are kept in {cache_dir()}", icon="INFO")


CLASSES = (LikenessPreferences,)

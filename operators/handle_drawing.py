"""Round handles over a 3D view, drawn as triangles, which every graphics backend can."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import blf
import bpy
import gpu
from bpy.app.translations import pgettext_iface as iface_
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader
from mathutils import Vector

RADIUS_PX, RIM_PX, LINE_PX, CORNERS = 5.0, 1.5, 2.0, 16
RIM = (0.05, 0.05, 0.05, 0.9)
FREE, PINNED, HOVERED = (0.95, 0.95, 0.95, 0.85), (1.0, 0.75, 0.1, 1.0), (1.0, 0.35, 0.1, 1.0)
TEXT_PX = 13


class HandleDrawing:
    """Handles in one region, until remove(); hovered: the one under the pointer."""

    def __init__(self, region: bpy.types.Region, region_3d: bpy.types.RegionView3D) -> None:
        self.hovered: int | None = None
        self._region, self._region_3d = region, region_3d
        self._handles: dict[int, tuple[str, Vector]] = {}
        self._pinned: dict[int, Vector] = {}
        self._handler = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")

    def show(self, handles: dict[int, tuple[str, Vector]], pinned: dict[int, Vector]) -> None:
        """handles: number -> name and place in the world; pinned: those that were pulled -> where the head has the point, to
        which a line leads."""
        self._handles, self._pinned = handles, pinned
        self._region.tag_redraw()

    def nearest(self, mouse: Vector, within_px: float) -> int | None:
        """The handle under the pointer."""
        distances = {number: (place - mouse).length for number, place in self._places().items()}
        number = min(distances, key=distances.__getitem__, default=None)
        return number if number is not None and distances[number] <= within_px else None

    def remove(self) -> None:
        """Draw no more."""
        if self._handler is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
            self._handler = None

    def _places(self) -> dict[int, Vector]:
        """Number -> pixel in the region, of those in front of the view."""
        return self._project({number: world for number, (_, world) in self._handles.items()})

    def _project(self, worlds: dict[int, Vector]) -> dict[int, Vector]:
        places = {number: location_3d_to_region_2d(self._region, self._region_3d, world) for number, world in worlds.items()}
        return {number: place for number, place in places.items() if place is not None}

    def _draw(self) -> None:
        if bpy.context.region != self._region:
            return
        places = self._places()
        scale = bpy.context.preferences.system.ui_scale
        gpu.state.blend_set("ALPHA")
        for number, end in self._project(self._pinned).items():
            if number in places and (end - places[number]).length > RADIUS_PX * scale:
                _draw_line(places[number], end, LINE_PX * scale, PINNED)
        for number, place in places.items():
            colour = HOVERED if number == self.hovered else PINNED if number in self._pinned else FREE
            _draw_disc(place, (RADIUS_PX + RIM_PX) * scale, RIM)
            _draw_disc(place, RADIUS_PX * scale, colour)
        gpu.state.blend_set("NONE")
        if self.hovered in places:
            name, place = self._handles[self.hovered][0], places[self.hovered]
            blf.size(0, TEXT_PX * scale)
            blf.color(0, 1, 1, 1, 1)
            blf.enable(0, blf.SHADOW)
            blf.shadow(0, 5, 0, 0, 0, 1)
            blf.position(0, place.x + 12 * scale, place.y + 8 * scale, 0)
            blf.draw(0, iface_(name))
            blf.disable(0, blf.SHADOW)


def _draw_line(start: Vector, end: Vector, width: float, colour: tuple[float, float, float, float]) -> None:
    along = (end - start).normalized() * width / 2
    across = Vector((-along.y, along.x))
    _draw_triangles([start + across, start - across, end - across, end + across], [(0, 1, 2), (0, 2, 3)], colour)


def _draw_disc(centre: Vector, radius: float, colour: tuple[float, float, float, float]) -> None:
    angles = [2 * pi * corner / CORNERS for corner in range(CORNERS)]
    corners = [(centre.x + radius * cos(angle), centre.y + radius * sin(angle)) for angle in angles]
    _draw_triangles(corners, [(0, corner, corner + 1) for corner in range(1, CORNERS - 1)], colour)


def _draw_triangles(
    corners: Sequence[Sequence[float]], triangles: list[tuple[int, int, int]], colour: tuple[float, float, float, float]
) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", colour)
    batch_for_shader(shader, "TRIS", {"pos": [tuple(corner) for corner in corners]}, indices=triangles).draw(shader)

"""Materials by part kind, for Cycles and EEVEE from 4.2 on: skin, eye, cornea, teeth, tongue, lashes.

Rule of this file: Principled BSDF wherever it can say what is meant; a node tree is built from scratch, sockets by name.

Numbers (ANTHROPOMETRY.md B5): skin n = 1.4 (F0 .028), roughness .5, subsurface radius (1.2, .26, .16) mm for light skin,
x (.76, .81, .62) for deep skin; tear film n = 1.34, cornea 1.376, enamel 1.62.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..core.appearance.relief import DISPLACEMENT_RANGE_M, MIDLEVEL
from ..core.appearance.surface_maps import ROUGHNESS, SPECULAR, SUBSURFACE
from ..core.head.kinds import kind_of_part, kinds_of_parts
from ..core.types import HeadAsset
from .mesh import UV_MAP

SUBSURFACE_RADIUS_M = np.array([1.2e-3, 0.26e-3, 0.16e-3])
DEEP_SKIN_RADIUS = np.array([0.76, 0.81, 0.62])
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
LIGHT_SKIN_LUMINANCE, DEEP_SKIN_LUMINANCE = 0.40, 0.05
"""Linear luminance of the lightest and the deepest skin, between which the radius is interpolated."""
MAPPED_SOCKETS = {
    "roughness": ("Roughness", ROUGHNESS["skin"]),
    "specular": ("Specular IOR Level", SPECULAR),
    "subsurface": ("Subsurface Scale", SUBSURFACE["skin"]),
}
"""Map -> Principled socket and the map's value on bare skin."""
SOLID_COLORS = {
    "eye": (0.5, 0.48, 0.46, 1.0),
    "cornea": (1.0, 1.0, 1.0, 0.0),
    "teeth": (0.75, 0.68, 0.58, 1.0),
    "tongue": (0.5, 0.2, 0.18, 1.0),
    "lashes": (0.02, 0.015, 0.01, 1.0),
}
"""Linear RGBA in solid view, which knows no shader nodes. The cornea's alpha 0 lets the iris through; any roughness of the
eye would spread solid view's highlight as a grey haze over iris and pupil."""


@dataclass(frozen=True)
class Surface:
    """One Principled surface under the head's albedo: roughness, ior, subsurface weight and radius m, clear coat weight."""

    roughness: float
    ior: float
    subsurface_weight: float = 0.0
    subsurface_radius_m: tuple[float, float, float] = (1e-3, 1e-3, 1e-3)
    coat_weight: float = 0.0


def material_slots(part_names: Sequence[str]) -> np.ndarray:
    """The material slot of each part [P]: one slot a kind that occurs (core/head/kinds.py)."""
    kinds = kinds_of_parts(part_names)
    return np.array([kinds.index(kind_of_part(part)) for part in part_names])


def create_materials(asset: HeadAsset, name: str, images: dict[str, bpy.types.Image]) -> list[bpy.types.Material]:
    """The materials of material_slots, in order; images: 'albedo' and, where the head has them, MAPPED_SOCKETS' and
    'normal' and 'displacement' for the skin."""
    return [_create_material(kind, f"{name} {kind}", images, asset.skin_linear_rgb) for kind in kinds_of_parts(asset.part_names)]


def _create_material(kind: str, name: str, images: dict[str, bpy.types.Image], skin_linear_rgb: np.ndarray) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    material.node_tree.nodes.clear()
    if kind == "cornea":
        _build_cornea(material)
    else:
        _build_surface(material, _surface_of_kind(kind, skin_linear_rgb), images["albedo"])
    if kind == "skin":
        _link_maps(material, images)
        _link_relief(material, images)
    if kind == "eye":
        material.roughness = 0.0
    material.diffuse_color = SOLID_COLORS.get(kind, (*np.clip(skin_linear_rgb, 0, 1), 1.0))
    return material


def _surface_of_kind(kind: str, skin_linear_rgb: np.ndarray) -> Surface:
    if kind == "skin":
        return Surface(ROUGHNESS["skin"], 1.4, 1.0, tuple(subsurface_radius(skin_linear_rgb)))
    return {
        "eye": Surface(0.12, 1.34),
        "teeth": Surface(0.25, 1.62, 0.8, (2.0e-3, 1.6e-3, 1.2e-3)),
        "tongue": Surface(0.35, 1.4, 0.6, (2.0e-3, 0.5e-3, 0.3e-3), 0.2),
        "lashes": Surface(0.45, 1.55),
    }[kind]


def subsurface_radius(skin_linear_rgb: np.ndarray) -> np.ndarray:
    """Skin colour [3], linear -> mean free path [3] m, shorter in deep skin."""
    span = np.log(LIGHT_SKIN_LUMINANCE / DEEP_SKIN_LUMINANCE)
    luminance = max(float(LUMINANCE @ skin_linear_rgb), 1e-6)
    depth = np.clip(np.log(LIGHT_SKIN_LUMINANCE / luminance) / span, 0, 1)
    return SUBSURFACE_RADIUS_M * DEEP_SKIN_RADIUS**depth


def retint_skin(material: bpy.types.Material, was_linear_rgb: np.ndarray, linear_rgb: np.ndarray) -> None:
    """Let a skin material scatter as skin of another colour does, by the ratio, so that what an artist set by hand stays; and its
    colour in solid view, where nobody chose another."""
    was, now = subsurface_radius(was_linear_rgb), subsurface_radius(linear_rgb)
    for principled in (node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"):
        radius, scale = principled.inputs["Subsurface Radius"], principled.inputs["Subsurface Scale"]
        radius.default_value = list(np.array(radius.default_value) * (now / now.max()) / (was / was.max()))
        factor = float(now.max() / was.max())
        scale.default_value *= factor
        for link in scale.links:
            if link.from_node.type == "MATH" and link.from_node.operation == "MULTIPLY":
                link.from_node.inputs[1].default_value *= factor
    if np.allclose(material.diffuse_color[:3], np.clip(was_linear_rgb, 0, 1), atol=1e-3):
        material.diffuse_color = (*np.clip(linear_rgb, 0, 1), 1.0)


def _build_surface(material: bpy.types.Material, surface: Surface, albedo: bpy.types.Image) -> None:
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture, principled, output = (
        _add_node(nodes, kind, x) for kind, x in (("TexImage", -400), ("BsdfPrincipled", 0), ("OutputMaterial", 340))
    )
    texture.image, texture.label = albedo, "Albedo"
    sockets = principled.inputs
    sockets["Roughness"].default_value = surface.roughness
    sockets["IOR"].default_value = surface.ior
    sockets["Specular IOR Level"].default_value = 0.5
    sockets["Subsurface Weight"].default_value = surface.subsurface_weight
    scale = max(surface.subsurface_radius_m)
    sockets["Subsurface Radius"].default_value = [radius / scale for radius in surface.subsurface_radius_m]
    sockets["Subsurface Scale"].default_value = scale
    sockets["Coat Weight"].default_value = surface.coat_weight
    sockets["Coat IOR"].default_value = 1.34
    sockets["Coat Roughness"].default_value = 0.03
    links.new(texture.outputs["Color"], sockets["Base Color"])
    links.new(principled.outputs["BSDF"], output.inputs["Surface"])


def _link_maps(material: bpy.types.Material, images: dict[str, bpy.types.Image]) -> None:
    """Let maps say what the sockets' values say for bare skin: each value is multiplied by the map over the map's value there."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    principled = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    for row, (key, (name, bare)) in enumerate(MAPPED_SOCKETS.items()):
        if key not in images:
            continue
        socket = principled.inputs[name]
        texture = _add_node(nodes, "TexImage", -700, -300 * (row + 1))
        scale = _add_node(nodes, "Math", -250, -300 * (row + 1))
        texture.image, texture.label = images[key], key.capitalize()
        scale.operation = "MULTIPLY"
        scale.inputs[1].default_value = socket.default_value / bare
        links.new(texture.outputs["Color"], scale.inputs[0])
        links.new(scale.outputs["Value"], socket)


def _link_relief(material: bpy.types.Material, images: dict[str, bpy.types.Image]) -> None:
    """Normals for every engine, and metric displacement for who subdivides the mesh until it carries the relief.

    'DISPLACEMENT' moves vertices and adds no bump, which would show the relief a second time beside the normals. On a finely
    diced mesh Blender 5 bends the normals from the undisplaced surface (measured: the relief shades as once), Blender 4 from the
    displaced one, twice as much: there who dices finely sets the normal map's strength to 0.
    """
    nodes, links = material.node_tree.nodes, material.node_tree.links
    if "normal" in images:
        principled = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
        texture, normals = _add_node(nodes, "TexImage", -700, -1200), _add_node(nodes, "NormalMap", -250, -1200)
        texture.image, texture.label = images["normal"], "Normal"
        normals.uv_map = UV_MAP
        links.new(texture.outputs["Color"], normals.inputs["Color"])
        links.new(normals.outputs["Normal"], principled.inputs["Normal"])
    if "displacement" in images:
        output = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
        texture, displace = _add_node(nodes, "TexImage", -250, -1500), _add_node(nodes, "Displacement", 100, -1500)
        texture.image, texture.label = images["displacement"], "Displacement"
        displace.inputs["Midlevel"].default_value = MIDLEVEL
        displace.inputs["Scale"].default_value = DISPLACEMENT_RANGE_M
        links.new(texture.outputs["Color"], displace.inputs["Height"])
        links.new(displace.outputs["Displacement"], output.inputs["Displacement"])
        material.displacement_method = "DISPLACEMENT"


def _build_cornea(material: bpy.types.Material) -> None:
    """A thin wet film: mirror reflection by Fresnel over perfect transparency.

    No refraction: a refracting shell darkens the iris without caustics in both engines and costs bounces, and the
    transparent part lets light and shadow rays straight through to the iris.
    """
    nodes, links = material.node_tree.nodes, material.node_tree.links
    fresnel, clear, glossy, mix, output = (
        _add_node(nodes, kind, x, y)
        for kind, x, y in (
            ("Fresnel", -300, 160), ("BsdfTransparent", -300, 0), ("BsdfAnisotropic", -300, -120), ("MixShader", 0, 0),
            ("OutputMaterial", 240, 0),
        )
    )  # fmt: skip
    fresnel.inputs["IOR"].default_value = 1.376
    glossy.inputs["Roughness"].default_value = 0.02
    links.new(fresnel.outputs["Fac"], mix.inputs[0])
    links.new(clear.outputs["BSDF"], mix.inputs[1])
    links.new(glossy.outputs["BSDF"], mix.inputs[2])
    links.new(mix.outputs["Shader"], output.inputs["Surface"])
    material.surface_render_method = "BLENDED"
    material.use_transparent_shadow = True


def _add_node(nodes: bpy.types.Nodes, kind: str, x: float, y: float = 0.0) -> bpy.types.ShaderNode:
    node = nodes.new(f"ShaderNode{kind}")
    node.location = x, y
    return node

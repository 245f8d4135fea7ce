"""Kernels of interpolate: vertex attributes at the pixels, their image-space derivatives, and the adjoints of both.

Rule of this file: what a kernel writes begins as zeros, so pixels that show nothing are left alone.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)

from typing import Any

import warp as wp

from .geometry import overload_channels, pixels_of_thread

wp.set_module_options({"enable_backward": False})


@wp.kernel
def interpolate_attributes(
    attributes: wp.array(dtype=Any),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    out: wp.array(dtype=Any),
    height: int,
    width: int,
    span: int,
):
    """attributes of image i from i * image_stride on, at the pixels of all images, one after the other -> out [P]."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        r = raster[p]
        t = int(r[3]) - 1
        if t >= 0 and t < triangles.shape[0]:
            ids = triangles[t]
            rest = 1.0 - r[0] - r[1]
            out[p] = attributes[start + ids[0]] * r[0] + attributes[start + ids[1]] * r[1] + attributes[start + ids[2]] * rest


@wp.kernel
def interpolate_attributes_adjoint(
    attributes: wp.array(dtype=Any),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    out_gradient: wp.array(dtype=Any),
    attributes_gradient: wp.array(dtype=Any),
    raster_gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the values -> gradients by the attributes and by u, v (both added); an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        r = raster[p]
        t = int(r[3]) - 1
        if t >= 0 and t < triangles.shape[0]:
            ids = triangles[t]
            g = out_gradient[p]
            if attributes_gradient.shape[0] > 0:
                wp.atomic_add(attributes_gradient, start + ids[0], g * r[0])
                wp.atomic_add(attributes_gradient, start + ids[1], g * r[1])
                wp.atomic_add(attributes_gradient, start + ids[2], g * (1.0 - r[0] - r[1]))
            if raster_gradient.shape[0] > 0:
                along_last = wp.dot(g, attributes[start + ids[2]])
                by_u = wp.dot(g, attributes[start + ids[0]]) - along_last
                by_v = wp.dot(g, attributes[start + ids[1]]) - along_last
                raster_gradient[p] += wp.vec4(by_u, by_v, 0.0, 0.0)


@wp.kernel
def interpolate_derivatives(
    attributes: wp.array(dtype=float),
    num_channels: int,
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    channels: wp.array(dtype=wp.int32),
    out: wp.array(dtype=wp.vec2),
    height: int,
    width: int,
    span: int,
):
    """Image-space derivatives of the named channels: out [P x K], (dA/dX, dA/dY) a channel, in units a pixel."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        t = int(raster[p][3]) - 1
        if t >= 0 and t < triangles.shape[0]:
            ids = triangles[t]
            d = raster_db[p]
            for n in range(channels.shape[0]):
                c = channels[n]
                last = attributes[(start + ids[2]) * num_channels + c]
                by_u = attributes[(start + ids[0]) * num_channels + c] - last
                by_v = attributes[(start + ids[1]) * num_channels + c] - last
                out[p * channels.shape[0] + n] = wp.vec2(by_u * d[0] + by_v * d[2], by_u * d[1] + by_v * d[3])


@wp.kernel
def interpolate_derivatives_adjoint(
    attributes: wp.array(dtype=float),
    num_channels: int,
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    channels: wp.array(dtype=wp.int32),
    out_gradient: wp.array(dtype=wp.vec2),
    attributes_gradient: wp.array(dtype=float),
    raster_db_gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the derivatives -> gradients by the attributes (added) and by raster_db; an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        t = int(raster[p][3]) - 1
        if t >= 0 and t < triangles.shape[0]:
            ids = triangles[t]
            i = (start + ids[0]) * num_channels
            j = (start + ids[1]) * num_channels
            k = (start + ids[2]) * num_channels
            d = raster_db[p]
            by_db = wp.vec4(0.0, 0.0, 0.0, 0.0)
            for n in range(channels.shape[0]):
                c = channels[n]
                g = out_gradient[p * channels.shape[0] + n]
                if attributes_gradient.shape[0] > 0:
                    gi = g[0] * d[0] + g[1] * d[1]
                    gj = g[0] * d[2] + g[1] * d[3]
                    wp.atomic_add(attributes_gradient, i + c, gi)
                    wp.atomic_add(attributes_gradient, j + c, gj)
                    wp.atomic_add(attributes_gradient, k + c, -gi - gj)
                last = attributes[k + c]
                by_u = attributes[i + c] - last
                by_v = attributes[j + c] - last
                by_db += wp.vec4(by_u * g[0], by_u * g[1], by_v * g[0], by_v * g[1])
            if raster_db_gradient.shape[0] > 0:
                raster_db_gradient[p] = by_db


INTERPOLATE = overload_channels(interpolate_attributes, ("attributes", "out"))
INTERPOLATE_ADJOINT = overload_channels(interpolate_attributes_adjoint, ("attributes", "out_gradient", "attributes_gradient"))

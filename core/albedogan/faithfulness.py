"""What the released code does wrong, each fault by name: all are mended by default, and each can be had again on its own.

Rule of this file: a flag says which number depends on it; nothing else in the package decides what is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Faithfulness:
    """Faults of the release to reproduce; True: as released.

    bgr_to_face_networks: the face network's 112 px blob has blue first, since an RGB picture is handled as OpenCV's BGR
        (alignment.face_blob; with it the shape codes).
    image_centre_swapped: the detection nearest to the centre is sought with (x, y) against (height / 2, width / 2)
        (alignment.closest_box).
    whole_image_size_swapped: a picture without a face is cropped with its height and width exchanged (crop.whole_image_box).
    photo_overlay_at_224: positions are brought back into the photo as though the crop had 224 px, whatever it has
        (camera.points_scale).
    uv_positions_at_256: texels look their place in the crop up in a 256 px map, enlarged bilinearly (unwrap.uv_positions).
    occlusion_ignored: hidden texels get the colour of what lies in front of them (unwrap.unwrap).
    perspective_barycentrics: the orthographic view is interpolated as though it were a perspective one, from depths that
        begin 10 units away and move 10 further with each picture (screen_raster.rasterize_screen, rendering.render).
    mask_resized_again: the face mask goes from 256 to 1024 px and back with every head, and gets softer (mask.FaceMask).
    mirror_at_array_middle: textures are mirrored about column 511.5 and not about the head's own midline, 7 px to the left of it
        (texture_correction.mirror).
    yaw_sign_only: the mirrored half is blended in to the same extent whatever the turn; a head that looks straight ahead loses a
        half too (texture_correction.correct).
    mirror_weights_short: the weights of the blend add up to .992 to .998 (texture_correction.correct).
    yaw_of_first: a whole batch is corrected by its first head's turn (yaw.yaw_codes).
    eye_patch_of_ones: in the correction with an eye, the patch that should keep its texels becomes white where the head turns
        the negative way (texture_correction.correct_beside_eye).
    texture_lit: the photo's light stays in the texture (light_removal).
    composite_not_clamped: the noise outside the face mask can leave [0, 1] (texture_composite.compose).
    displacement_unmasked: the exported displacement ignores the mask that the detail normals respect (displacement.exported).
    texel_corner_uvs: the dense mesh's UVs point to texels' corners, half a texel off (dense_mesh.dense_uvs).
    neck_ignored: a neck's pose that is asked for is not used (pipeline.pose_head).
    identity_of_texture_corner: the identity loss sees the upper left 204 px of a picture of any size (losses.identity_input).
    logcosh_of_batch: the log-cosh loss grows with the batch (losses.logcosh).
    generate_without_identity: a random head's shape is the coarse encoder's, though a face network is there (pipeline.generate).
    export_red_blue_swapped: the exported picture has red and blue exchanged (obj_file.write_dense_obj).
    """

    bgr_to_face_networks: bool = False
    image_centre_swapped: bool = False
    whole_image_size_swapped: bool = False
    photo_overlay_at_224: bool = False
    uv_positions_at_256: bool = False
    occlusion_ignored: bool = False
    perspective_barycentrics: bool = False
    mask_resized_again: bool = False
    mirror_at_array_middle: bool = False
    yaw_sign_only: bool = False
    mirror_weights_short: bool = False
    yaw_of_first: bool = False
    eye_patch_of_ones: bool = False
    texture_lit: bool = False
    composite_not_clamped: bool = False
    displacement_unmasked: bool = False
    texel_corner_uvs: bool = False
    neck_ignored: bool = False
    identity_of_texture_corner: bool = False
    logcosh_of_batch: bool = False
    generate_without_identity: bool = False
    export_red_blue_swapped: bool = False


FIXED = Faithfulness()
"""Nothing of the release's faults."""
RELEASED = Faithfulness(**{field.name: True for field in fields(Faithfulness)})
"""All of them: the released numbers."""

"""What can be changed about who a head is: the named traits with their units and ranges, and the regions that can be locked.

Rule of this file: plain Python, imported when the extension is enabled; what a trait means on the mesh is in the table that
head/build/gauges.py makes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One slider: its group in the panel, unit ('share', 'years', 'score' or 'mm'), the ends of its range; place: the lock
    (of LOCKS) that holds it still."""

    name: str
    label: str
    group: str
    unit: str
    lowest: float
    highest: float
    description: str
    place: str = ""


@dataclass(frozen=True)
class Lock:
    """A part of the head that can be kept: regions of the head model (HeadModel.regions) and modelled parts (part_names)."""

    name: str
    label: str
    regions: tuple[str, ...]
    parts: tuple[str, ...] = ()


GROUPS = ("Person", "Face", "Nose", "Eyes", "Mouth", "Jaw", "Ears")
NUM_SHAPE_AXES = 10
SHAPE_RANGE = 3.0
"""The first axes of the identity space, in standard deviations."""

TRAITS = (
    Trait("male", "Sex", "Person", "share", 0, 1, "How male the bones are: 0 is a woman's head, 1 a man's"),
    Trait("age", "Age", "Person", "years", 18, 80, "How old the bones and soft parts are, in years. Skin has an age of its own"),
    Trait("weight", "Weight", "Person", "score", -2.5, 3, "How heavy the person is: 0 is average, 1 heavier than five in six"),
    Trait("head_width", "Head Width", "Face", "mm", 137, 166, "Greatest width of the skull above the ears", "skull"),
    Trait("head_length", "Head Length", "Face", "mm", 168, 217, "From between the brows to the back of the head", "skull"),
    Trait("head_height", "Head Height", "Face", "mm", 110, 148, "From the ear's opening up to the crown", "skull"),
    Trait("face_width", "Face Width", "Face", "mm", 118, 163, "Across the cheekbones' arches", "cheeks"),
    Trait("face_length", "Face Length", "Face", "mm", 100, 136, "From the nose's root down to the chin", "jaw"),
    Trait("forehead_height", "Forehead Height", "Face", "mm", 48, 67, "From the brows up to where hair begins", "forehead"),
    Trait("forehead_slope", "Forehead Slope", "Face", "mm", 7, 20, "How far the forehead leans back", "forehead"),
    Trait("brow_ridge", "Brow Ridge", "Face", "mm", 7, 18, "How far the bone over the eyes stands out", "forehead"),
    Trait("cheekbones", "Cheekbones", "Face", "mm", -1.5, 8, "How far the cheekbones stand out over the cheeks", "cheeks"),
    Trait("cheek_fullness", "Cheek Fullness", "Face", "mm", -3, 14, "How full the cheeks are beside the mouth", "cheeks"),
    Trait("nose_width", "Width", "Nose", "mm", 24, 50, "Across the wings of the nose", "nose"),
    Trait("nose_length", "Length", "Nose", "mm", 40, 59, "From the nose's root down to its base", "nose"),
    Trait("nose_bridge_height", "Bridge Height", "Nose", "mm", 1, 12, "How far the nose's root stands out", "nose"),
    Trait("nose_bridge_width", "Bridge Width", "Nose", "mm", 12, 22, "Across the nose's root", "nose"),
    Trait("nose_bridge_curve", "Bridge Curve", "Nose", "mm", -7, 3, "Hollow below, humped above", "nose"),
    Trait("nose_tip_projection", "Tip Projection", "Nose", "mm", 16, 34, "How far the tip stands out from the wings", "nose"),
    Trait("nose_tip_height", "Tip Height", "Nose", "mm", 7, 20, "How far the tip is turned up over the nose's base", "nose"),
    Trait("eye_width", "Width", "Eyes", "mm", 26, 32, "From corner to corner of each eye", "eyes"),
    Trait("eye_opening", "Opening", "Eyes", "mm", 9.2, 12, "Between the lids, looking ahead", "eyes"),
    Trait("eye_spacing", "Spacing", "Eyes", "mm", 24, 42, "Between the inner corners of the eyes", "eyes"),
    Trait("eye_tilt", "Tilt", "Eyes", "mm", -1, 5.5, "How much higher the outer corner is than the inner", "eyes"),
    Trait("eye_depth", "Depth", "Eyes", "mm", 9, 22, "How deep the eyes lie under the brow", "eyes"),
    Trait("brow_height", "Brow Height", "Eyes", "mm", 16, 26, "How high the brow is over the eye", "forehead"),
    Trait("mouth_width", "Width", "Mouth", "mm", 38, 63, "From corner to corner of the mouth", "mouth"),
    Trait("upper_lip", "Upper Lip", "Mouth", "mm", 3.5, 12, "Height of the upper lip's red", "mouth"),
    Trait("lower_lip", "Lower Lip", "Mouth", "mm", 5, 13, "Height of the lower lip's red", "mouth"),
    Trait("lip_projection", "Projection", "Mouth", "mm", -1, 10, "How far the lips stand out from nose and chin", "mouth"),
    Trait("philtrum_length", "Philtrum", "Mouth", "mm", 9, 19, "From the nose's base down to the upper lip's red", "mouth"),
    Trait("jaw_width", "Width", "Jaw", "mm", 95, 142, "Across the jaw's corners under the ears", "jaw"),
    Trait("jaw_corner_height", "Corner Height", "Jaw", "mm", 24, 48, "How high the jaw's corners are over the chin", "jaw"),
    Trait("chin_projection", "Chin Projection", "Jaw", "mm", -18, 4, "How far the chin stands forward of the nose's base", "jaw"),
    Trait("chin_height", "Chin Height", "Jaw", "mm", 24, 50, "From the lower lip down to the chin's edge", "jaw"),
    Trait("chin_width", "Chin Width", "Jaw", "mm", 19, 38, "Across the front of the chin", "jaw"),
    Trait("neck_width", "Neck Width", "Jaw", "mm", 98, 168, "Across the neck below the jaw", "neck"),
    Trait("ear_length", "Length", "Ears", "mm", 44, 75, "From the ear's top to its lobe", "ears"),
    Trait("ear_breadth", "Breadth", "Ears", "mm", 20, 43, "From the ear's front to its back edge", "ears"),
    Trait("ear_protrusion", "Protrusion", "Ears", "mm", 3, 24, "How far the ears stand off the head", "ears"),
)  # fmt: skip
NAMES = tuple(trait.name for trait in TRAITS)
PERSON = tuple(trait.name for trait in TRAITS if trait.group == "Person")
MEASURED = NAMES[len(PERSON) :]

LOCKS = (
    Lock("eyes", "Eyes", ("eye_socket", "upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right"),
         ("left_eye", "right_eye", "left_cornea", "right_cornea", "lashes")),
    Lock("nose", "Nose", ("nose", "nostrils")),
    Lock("mouth", "Mouth", ("lip_upper", "lip_lower", "mouth_inside"), ("upper_teeth", "lower_teeth", "tongue")),
    Lock("cheeks", "Cheeks", ("cheek_left", "cheek_right")),
    Lock("jaw", "Jaw", ("chin", "jawline")),
    Lock("ears", "Ears", ("ear_left", "ear_right")),
    Lock("forehead", "Forehead", ("forehead", "brow_left", "brow_right")),
    Lock("skull", "Skull", ("scalp",)),
    Lock("neck", "Neck", ("neck",)),
)  # fmt: skip
LOCK_NAMES = tuple(lock.name for lock in LOCKS)

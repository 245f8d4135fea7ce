skin = {
    "mottling": 0.3,
    "zone_contrast": 0.5,
    "flush_cheeks": 0.15,
    "flush_nose": 0.12,
    "flush_ears": 0.2,
    "under_eye": 0.3,
    "freckles": 0.0,
    "moles": 0.0,
}

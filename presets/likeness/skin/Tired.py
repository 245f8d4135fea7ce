skin = {
    "blood": -0.12,
    "flush_cheeks": 0.12,
    "under_eye": 2.4,
    "lip_blood": -0.3,
}

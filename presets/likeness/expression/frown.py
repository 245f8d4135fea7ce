expression = {
    'eyeSquintLeft': 0.1,
    'eyeSquintRight': 0.1,
    'mouthFrownLeft': 0.55,
    'mouthFrownRight': 0.55,
    'mouthShrugLower': 0.25,
    'mouthPressLeft': 0.2,
    'mouthPressRight': 0.2,
    'browDownLeft': 0.5,
    'browDownRight': 0.5,
}

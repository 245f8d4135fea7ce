expression = {
    "eyeSquintLeft": 0.2,
    "eyeSquintRight": 0.2,
    "mouthFrownLeft": 0.85,
    "mouthFrownRight": 0.85,
    "mouthShrugLower": 0.4,
    "mouthPressLeft": 0.25,
    "mouthPressRight": 0.25,
    "browDownLeft": 0.6,
    "browDownRight": 0.6,
}

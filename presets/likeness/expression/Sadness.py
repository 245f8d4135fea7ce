expression = {
    "eyeBlinkLeft": 0.18,
    "eyeLookDownLeft": 0.2,
    "eyeSquintLeft": 0.25,
    "eyeBlinkRight": 0.18,
    "eyeLookDownRight": 0.2,
    "eyeSquintRight": 0.25,
    "mouthFrownLeft": 0.75,
    "mouthFrownRight": 0.75,
    "mouthStretchLeft": 0.15,
    "mouthStretchRight": 0.15,
    "mouthShrugLower": 0.45,
    "browInnerUp": 1.0,
}

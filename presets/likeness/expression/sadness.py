expression = {
    'eyeBlinkLeft': 0.15,
    'eyeLookDownLeft': 0.15,
    'eyeSquintLeft': 0.15,
    'eyeBlinkRight': 0.15,
    'eyeLookDownRight': 0.15,
    'eyeSquintRight': 0.15,
    'mouthFrownLeft': 0.45,
    'mouthFrownRight': 0.45,
    'mouthStretchLeft': 0.1,
    'mouthStretchRight': 0.1,
    'mouthShrugLower': 0.3,
    'browInnerUp': 0.8,
}

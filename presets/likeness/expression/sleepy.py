expression = {
    'eyeBlinkLeft': 0.5,
    'eyeLookDownLeft': 0.2,
    'eyeBlinkRight': 0.5,
    'eyeLookDownRight': 0.2,
    'mouthFrownLeft': 0.1,
    'mouthFrownRight': 0.1,
    'browInnerUp': 0.2,
}

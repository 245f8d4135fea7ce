expression = {
    "eyeBlinkLeft": 0.5,
    "eyeLookDownLeft": 0.2,
    "eyeBlinkRight": 0.5,
    "eyeLookDownRight": 0.2,
    "mouthFrownLeft": 0.15,
    "mouthFrownRight": 0.15,
    "browInnerUp": 0.25,
}

expression = {
    "eyeBlinkLeft": 1.0,
    "mouthSmileLeft": 0.65,
    "mouthSmileRight": 0.35,
    "mouthDimpleLeft": 0.2,
    "browDownLeft": 0.3,
    "cheekSquintLeft": 0.6,
}

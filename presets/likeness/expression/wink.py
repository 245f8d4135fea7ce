expression = {
    'eyeBlinkLeft': 1.0,
    'mouthSmileLeft': 0.45,
    'mouthSmileRight': 0.2,
    'mouthDimpleLeft': 0.15,
    'browDownLeft': 0.2,
    'cheekSquintLeft': 0.45,
}

expression = {
    'eyeBlinkLeft': 0.2,
    'eyeBlinkRight': 0.2,
    'mouthFunnel': 0.12,
    'mouthPucker': 0.75,
}

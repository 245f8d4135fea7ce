expression = {
    'jawOpen': 0.06,
    'mouthSmileLeft': 0.3,
    'mouthSmileRight': 0.3,
    'mouthStretchLeft': 0.35,
    'mouthStretchRight': 0.35,
    'mouthLowerDownLeft': 0.35,
    'mouthLowerDownRight': 0.35,
    'mouthUpperUpLeft': 0.25,
    'mouthUpperUpRight': 0.25,
}

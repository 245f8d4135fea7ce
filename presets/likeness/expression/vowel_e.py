expression = {
    'jawOpen': 0.18,
    'mouthSmileLeft': 0.2,
    'mouthSmileRight': 0.2,
    'mouthStretchLeft': 0.3,
    'mouthStretchRight': 0.3,
    'mouthLowerDownLeft': 0.3,
    'mouthLowerDownRight': 0.3,
    'mouthUpperUpLeft': 0.2,
    'mouthUpperUpRight': 0.2,
}

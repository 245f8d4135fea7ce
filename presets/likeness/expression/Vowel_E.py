expression = {
    "jawOpen": 0.2,
    "mouthSmileLeft": 0.25,
    "mouthSmileRight": 0.25,
    "mouthStretchLeft": 0.35,
    "mouthStretchRight": 0.35,
    "mouthLowerDownLeft": 0.3,
    "mouthLowerDownRight": 0.3,
    "mouthUpperUpLeft": 0.2,
    "mouthUpperUpRight": 0.2,
}

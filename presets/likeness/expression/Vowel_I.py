expression = {
    "jawOpen": 0.09,
    "mouthSmileLeft": 0.4,
    "mouthSmileRight": 0.4,
    "mouthStretchLeft": 0.4,
    "mouthStretchRight": 0.4,
    "mouthLowerDownLeft": 0.5,
    "mouthLowerDownRight": 0.5,
    "mouthUpperUpLeft": 0.35,
    "mouthUpperUpRight": 0.35,
}

expression = {
    "jawOpen": 0.5,
    "mouthLowerDownLeft": 0.2,
    "mouthLowerDownRight": 0.2,
    "mouthUpperUpLeft": 0.12,
    "mouthUpperUpRight": 0.12,
}

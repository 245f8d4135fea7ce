expression = {
    "eyeWideLeft": 0.75,
    "eyeWideRight": 0.75,
    "jawOpen": 0.15,
    "mouthFrownLeft": 0.2,
    "mouthFrownRight": 0.2,
    "mouthStretchLeft": 0.65,
    "mouthStretchRight": 0.65,
    "mouthLowerDownLeft": 0.35,
    "mouthLowerDownRight": 0.35,
    "browInnerUp": 1.0,
    "browOuterUpLeft": 0.35,
    "browOuterUpRight": 0.35,
}

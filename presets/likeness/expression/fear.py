expression = {
    'eyeWideLeft': 0.6,
    'eyeWideRight': 0.6,
    'jawOpen': 0.15,
    'mouthStretchLeft': 0.45,
    'mouthStretchRight': 0.45,
    'mouthLowerDownLeft': 0.25,
    'mouthLowerDownRight': 0.25,
    'browInnerUp': 0.85,
    'browOuterUpLeft': 0.25,
    'browOuterUpRight': 0.25,
}

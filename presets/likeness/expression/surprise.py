expression = {
    'eyeWideLeft': 0.55,
    'eyeWideRight': 0.55,
    'jawOpen': 0.35,
    'mouthFunnel': 0.2,
    'browInnerUp': 0.7,
    'browOuterUpLeft': 0.7,
    'browOuterUpRight': 0.7,
}

expression = {
    "eyeWideLeft": 0.65,
    "eyeWideRight": 0.65,
    "jawOpen": 0.4,
    "mouthFunnel": 0.2,
    "browInnerUp": 0.85,
    "browOuterUpLeft": 0.85,
    "browOuterUpRight": 0.85,
}

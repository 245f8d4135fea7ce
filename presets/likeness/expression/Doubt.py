expression = {
    "eyeWideLeft": 0.15,
    "eyeSquintRight": 0.5,
    "mouthLeft": 0.25,
    "mouthFrownLeft": 0.3,
    "mouthDimpleRight": 0.4,
    "mouthPressLeft": 0.3,
    "mouthPressRight": 0.3,
    "browDownRight": 0.8,
    "browInnerUp": 0.2,
    "browOuterUpLeft": 1.0,
}

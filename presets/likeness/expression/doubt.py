expression = {
    'eyeSquintRight': 0.3,
    'mouthLeft': 0.12,
    'mouthDimpleRight': 0.3,
    'mouthPressLeft': 0.2,
    'mouthPressRight': 0.2,
    'browDownRight': 0.45,
    'browInnerUp': 0.15,
    'browOuterUpLeft': 0.7,
}

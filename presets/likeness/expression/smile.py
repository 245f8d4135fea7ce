expression = {
    'eyeSquintLeft': 0.2,
    'eyeSquintRight': 0.2,
    'mouthSmileLeft': 0.55,
    'mouthSmileRight': 0.55,
    'mouthDimpleLeft': 0.15,
    'mouthDimpleRight': 0.15,
    'cheekSquintLeft': 0.35,
    'cheekSquintRight': 0.35,
}

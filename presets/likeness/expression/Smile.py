expression = {
    "eyeSquintLeft": 0.3,
    "eyeSquintRight": 0.3,
    "mouthSmileLeft": 0.75,
    "mouthSmileRight": 0.75,
    "mouthDimpleLeft": 0.2,
    "mouthDimpleRight": 0.2,
    "cheekSquintLeft": 0.5,
    "cheekSquintRight": 0.5,
}

expression = {
    "eyeBlinkLeft": 0.25,
    "eyeBlinkRight": 0.25,
    "mouthFunnel": 0.15,
    "mouthPucker": 0.9,
}

expression = {
    "eyeBlinkLeft": 1.0,
    "eyeBlinkRight": 1.0,
}

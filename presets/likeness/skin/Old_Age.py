skin = {
    "blood": -0.15,
    "mottling": 1.5,
    "moles": 0.6,
    "age": 82.0,
    "wrinkles": 1.4,
}

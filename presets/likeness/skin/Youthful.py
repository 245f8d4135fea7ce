skin = {
    "mottling": 0.6,
    "under_eye": 0.5,
    "moles": 0.1,
    "age": 20.0,
    "wrinkles": 0.0,
}

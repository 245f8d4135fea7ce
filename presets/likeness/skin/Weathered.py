skin = {
    "mottling": 1.6,
    "flush_nose": 0.5,
    "freckles": 0.35,
    "moles": 0.5,
    "age": 60.0,
    "wrinkles": 1.6,
}

skin = {
    "melanin": 2.0,
    "blood": 0.0,
}

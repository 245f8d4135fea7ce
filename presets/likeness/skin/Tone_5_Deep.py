skin = {
    "melanin": 6.0,
    "blood": 0.0,
}

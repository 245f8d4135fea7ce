skin = {
    "melanin": 0.8,
    "blood": -0.05,
}

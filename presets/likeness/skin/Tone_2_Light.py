skin = {
    "melanin": 0.25,
    "blood": 0.03,
}

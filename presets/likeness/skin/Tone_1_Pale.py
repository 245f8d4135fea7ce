skin = {
    "melanin": 0.1,
    "blood": 0.05,
}

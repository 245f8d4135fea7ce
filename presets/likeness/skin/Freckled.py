skin = {
    "flush_cheeks": 0.32,
    "freckles": 1.0,
}

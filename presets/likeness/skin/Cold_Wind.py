skin = {
    "blood": 0.15,
    "flush_cheeks": 0.75,
    "flush_nose": 0.85,
    "flush_ears": 0.8,
}

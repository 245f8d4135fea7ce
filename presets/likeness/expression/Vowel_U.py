expression = {
    "jawOpen": 0.08,
    "mouthFunnel": 0.45,
    "mouthPucker": 0.65,
}

expression = {
    "jawOpen": 0.3,
    "mouthFunnel": 0.6,
    "mouthPucker": 0.25,
}

expression = {
    'jawOpen': 0.28,
    'mouthFunnel': 0.55,
    'mouthPucker': 0.2,
}

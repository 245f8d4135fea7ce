expression = {
    'jawOpen': 0.08,
    'mouthFunnel': 0.4,
    'mouthPucker': 0.55,
}

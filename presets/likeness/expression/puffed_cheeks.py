expression = {
    'mouthPucker': 0.15,
    'mouthPressLeft': 0.3,
    'mouthPressRight': 0.3,
    'cheekPuff': 0.8,
}

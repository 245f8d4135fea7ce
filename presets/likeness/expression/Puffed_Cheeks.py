expression = {
    "mouthPucker": 0.2,
    "mouthPressLeft": 0.4,
    "mouthPressRight": 0.4,
    "cheekPuff": 0.8,
}

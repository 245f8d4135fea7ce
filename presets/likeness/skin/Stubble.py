skin = {
    "stubble": 0.75,
}

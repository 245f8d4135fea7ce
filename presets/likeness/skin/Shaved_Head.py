skin = {
    "scalp_stubble": 1.0,
}

"""Motion of a finished head as numbers: recorded faces read from files, and idle motion made up. No bpy."""

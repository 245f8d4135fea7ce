"""Long work in a process of its own: Blender never waits, and a crash costs nothing. Nothing in this room knows Blender."""

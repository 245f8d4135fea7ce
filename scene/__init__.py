"""The only room that writes Blender data: HeadAsset -> objects in the scene, and back. Never torch, never warp."""

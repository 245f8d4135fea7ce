"""What a person does, one file each. Operators only call core.pipeline and scene, and say in one sentence what went wrong."""

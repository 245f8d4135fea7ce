"""What a person sees. Panels call operators by id only."""

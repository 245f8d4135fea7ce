"""Editing by words without any network: English phrases become changes of the sliders that there are."""

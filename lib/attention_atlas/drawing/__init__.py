"""Drawings that several pages share, one kind a module; the look of all of them is in ``figures``."""

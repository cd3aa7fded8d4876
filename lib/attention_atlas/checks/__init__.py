"""Numeric checks of theorems on random draws, each with a negative control: one hypothesis broken, conclusion false."""

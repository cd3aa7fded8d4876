"""Numeric checks of theorems on random draws, each with a negative control: one hypothesis broken, conclusion false."""

ROUNDING = 1e-9  # decades; a margin is negative only below -ROUNDING, as equality holds up to rounding in some draws

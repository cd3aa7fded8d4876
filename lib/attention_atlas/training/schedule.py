"""How the learning rate falls in the course of a training."""

import math


def cosine(step: int, steps: int) -> float:
    """Share of the learning rate that is left: half a cosine, from 1 down to 0.

    Parameters
    ----------
    step : int
        From 0 at the start to ``steps`` at the end.
    steps : int
        Of the whole training, at least 1.

    Returns
    -------
    float
        ``(1 + cos(pi step / steps)) / 2``.

    Raises
    ------
    ValueError
        If the step lies outside of the training.

    Examples
    --------
    >>> [round(cosine(step, 4), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if not 0 <= step <= steps or steps < 1:
        raise ValueError(f"step must be from 0 to steps, and steps at least 1, got step {step} of {steps}")
    return (1 + math.cos(math.pi * step / steps)) / 2

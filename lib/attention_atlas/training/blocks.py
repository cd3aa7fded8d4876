"""Batches for many models side by side, each from randomness of its own, drawn some steps ahead."""

from collections.abc import Callable, Iterator, Sequence

import torch

from attention_atlas.shapes import Tensor


def batches(
    draw: Callable[[int, torch.Generator], tuple[Tensor, ...]],
    batch: int,
    generators: Sequence[torch.Generator],
    block: int,
    device: str = "cpu",
) -> Iterator[tuple[Tensor, ...]]:
    """Batches of every step, without end.

    Parameters
    ----------
    draw : callable
        Function of a number of sequences and a generator to tensors whose first axis is the sequence.
    batch : int
        Sequences of one model in one step.
    generators : sequence of torch.Generator
        One for each model; what it is given does not depend on the others.
    block : int
        Steps whose sequences are drawn at once, which costs less than one by one.
    device : str
        Where the batches are wanted.

    Yields
    ------
    tuple of (seed, batch, ...)
        What was drawn, in float32.

    Examples
    --------
    >>> def draw(sequences, generator):
    ...     return (torch.randint(9, (sequences, 3), generator=generator),)
    >>> steps = batches(draw, 2, [torch.Generator().manual_seed(seed) for seed in range(5)], block=4)
    >>> next(steps)[0].shape
    torch.Size([5, 2, 3])
    """
    while True:
        drawn = zip(*(draw(block * batch, generator) for generator in generators), strict=True)
        parts = (torch.stack(part).float().to(device).unflatten(1, (block, batch)) for part in drawn)
        yield from zip(*(part.unbind(1) for part in parts), strict=True)

"""Average what comes after the separator: the task of catch, tag, release (Zhang et al. 2025)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float64, Int, Tensor
from attention_atlas.theory.catch_tag_release.exact_error import expected_share

FEATURES = 3  # number, one, whether it is the separator


class Batch(NamedTuple):
    """Sequences of numbers with one separator, and what is asked of the last token."""

    features: Float64[Tensor, "batch token feature"]  # number (0 at the separator), 1, and 1 at the separator only
    separator: Int[Tensor, "batch"]  # its place, from 0 on
    target: Float64[Tensor, "batch"]  # mean of the numbers after it

    @property
    def after(self) -> Bool[Tensor, "batch token"]:
        """Which tokens come after the separator."""
        return torch.arange(self.features.shape[1]) > self.separator[:, None]

    @property
    def before(self) -> Bool[Tensor, "batch token"]:
        """Which tokens come before it."""
        return torch.arange(self.features.shape[1]) < self.separator[:, None]


@dataclass(frozen=True)
class Averaging:
    """Numbers and where the separator among them may stand.

    Parameters
    ----------
    tokens : int
        Length of a sequence, the separator included.
    low, high : float
        Numbers are uniform between these.
    least_before : int
        Numbers that come before the separator at least; its place is uniform from there to the last but one token.

    Raises
    ------
    ValueError
        If the range is empty, or there is no place for the separator.

    Examples
    --------
    >>> Averaging(4, least_before=1).places
    range(1, 3)
    """

    tokens: int = 16
    low: float = -1.0
    high: float = 1.0
    least_before: int = 0

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"numbers need low < high, got {self.low} and {self.high}")
        if not 0 <= self.least_before <= self.tokens - 2:
            raise ValueError(
                f"of {self.tokens} tokens 0 to {self.tokens - 2} can come before the separator, got {self.least_before}"
            )

    @property
    def places(self) -> range:
        """Where the separator may stand, from 0 on."""
        return range(self.least_before, self.tokens - 1)

    @property
    def variance(self) -> float:
        """Of a number."""
        return (self.high - self.low) ** 2 / 12


def draw(task: Averaging, sequences: int, generator: torch.Generator) -> Batch:
    """Random sequences.

    Parameters
    ----------
    task : Averaging
        What they are like.
    sequences : int
        How many, at least 1.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Batch
        See :func:`placed`.

    Raises
    ------
    ValueError
        If there are no sequences.

    Notes
    -----
    The task of Zhang et al. 2025: numbers and one [SEP], the last token outputs the mean of the numbers after it. The
    uniform place and the default sizes are ours.

    Examples
    --------
    >>> batch = draw(Averaging(5), 2, torch.Generator().manual_seed(0))
    >>> batch.features.shape, batch.after.sum(1).tolist() == (4 - batch.separator).tolist()
    (torch.Size([2, 5, 3]), True)
    """
    if sequences < 1:
        raise ValueError(f"at least 1 sequence is needed, got {sequences}")
    places = task.places
    numbers = torch.rand(sequences, task.tokens - 1, generator=generator, dtype=torch.float64)
    separator = torch.randint(places.start, places.stop, (sequences,), generator=generator)
    return placed(task.low + (task.high - task.low) * numbers, separator)


def placed(numbers: Float64[Tensor, "batch number"], separator: Int[Tensor, "batch"]) -> Batch:
    """Sequences of given numbers with the separator at given places.

    Parameters
    ----------
    numbers : (batch, number)
        In their order.
    separator : (batch,)
        How many of them come before it; at least one comes after.

    Returns
    -------
    Batch
        Sequences of one token more than there are numbers.

    Raises
    ------
    ValueError
        If a separator has no number after it.

    Examples
    --------
    >>> batch = placed(torch.tensor([[4.0, 1.0, 2.0]], dtype=torch.float64), torch.tensor([1]))
    >>> batch.features[0, :, 0].tolist(), batch.features[0, :, 2].tolist(), batch.target.tolist()
    ([4.0, 0.0, 1.0, 2.0], [0.0, 1.0, 0.0, 0.0], [1.5])
    """
    count = numbers.shape[1]
    if separator.min() < 0 or separator.max() >= count:
        raise ValueError(
            f"a separator among {count} numbers has 0 to {count - 1} before it, "
            f"got {separator.min()} to {separator.max()}"
        )
    place, token = separator[:, None], torch.arange(count + 1)
    moved = numbers.gather(1, (token - (token > place).long()).clamp(max=count - 1).expand(len(numbers), -1))
    is_separator = (token == place).to(numbers.dtype)
    features = torch.stack((moved * (1 - is_separator), torch.ones_like(moved), is_separator), -1)
    after = (token > place).to(numbers.dtype)
    return Batch(features, separator, (features[..., 0] * after).sum(1) / after.sum(1))


def simple_rules(task: Averaging, batch: Batch) -> dict[str, Float64[Tensor, "batch"]]:
    """What a model says that does not use where the separator is.

    Parameters
    ----------
    task : Averaging
        Where the sequences come from.
    batch : Batch
        The sequences.

    Returns
    -------
    dict
        ``all_numbers``: their mean. ``all_tokens``: the same with the separator as a zero. ``last_and_rest``: the least
        mean squared error of all that treat the numbers but the last alike.

    Notes
    -----
    Derived here. Given the last number and the others in no order, n numbers after the separator have the expected
    mean ``x / n + (1 - 1/n) * (mean of the others)``; averaged over n the first weight is ``E[1/n]``.

    Examples
    --------
    >>> batch = placed(torch.tensor([[4.0, 1.0, 2.0]], dtype=torch.float64), torch.tensor([1]))
    >>> {name: round(value.item(), 4) for name, value in simple_rules(Averaging(4), batch).items()}
    {'all_numbers': 2.3333, 'all_tokens': 1.75, 'last_and_rest': 2.1944}
    """
    numbers = batch.features[..., 0]
    tokens, total, last = numbers.shape[1], numbers.sum(1), numbers[:, -1]
    share = expected_share(tokens, task.least_before)
    others = (total - last) / max(tokens - 2, 1)
    return {
        "all_numbers": total / (tokens - 1),
        "all_tokens": total / tokens,
        "last_and_rest": share * last + (1 - share) * others,
    }

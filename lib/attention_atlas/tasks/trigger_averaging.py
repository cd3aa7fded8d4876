"""Average at a trigger, zero elsewhere: the trigger-conditional task, after the abstract of Ran-Milo 2026."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float64, Tensor

AVERAGES = ("seen", "before")
FIRST_SCORED = 2  # the token at 0 is BOS; the one at 1 has nothing before it but BOS, is never a trigger and not scored


class TriggerBatch(NamedTuple):
    """Sequences of tokens, some of them triggers, and what is asked of each."""

    features: Float64[Tensor, "batch token feature"]  # content, 1, whether it is BOS, whether it is a trigger
    target: Float64[Tensor, "batch token content"]  # the average at triggers, 0 elsewhere

    @property
    def trigger(self) -> Bool[Tensor, "batch token"]:
        """Which tokens are triggers."""
        return self.features[..., -1] > 0


@dataclass(frozen=True)
class TriggerAveraging:
    """BOS, then tokens that carry numbers, each a trigger by chance.

    Parameters
    ----------
    tokens : int
        Length of a sequence, BOS included, at least 3.
    content : int
        Numbers that a token carries, uniform in [-1, 1]; at least 1.
    chance : float
        With which a token from place 2 on is a trigger (counted from 0), in (0, 1).
    average : {"seen", "before"}
        What a trigger asks for. "seen": the mean over all tokens that it sees, its own included, BOS counting as 0.
        "before": the mean over the numbers before it, without BOS; triggers carry 0 then, and are not counted.

    Raises
    ------
    ValueError
        If a value is none of these.

    Notes
    -----
    Ran-Milo 2026 (abstract): at a trigger the average of all preceding token representations, otherwise zero. Sizes
    and chances are ours. So is "seen": it needs no division by a number that no token knows, so softmax and ReLU
    attention can both do it exactly.

    Examples
    --------
    >>> TriggerAveraging(tokens=5, content=2).features
    5
    """

    tokens: int = 24
    content: int = 1
    chance: float = 0.25
    average: str = "seen"

    def __post_init__(self):
        if self.tokens <= FIRST_SCORED:
            raise ValueError(f"at least {FIRST_SCORED + 1} tokens are needed, got {self.tokens}")
        if self.content < 1:
            raise ValueError(f"a token needs at least 1 number, got {self.content}")
        if not 0 < self.chance < 1:
            raise ValueError(f"the chance of a trigger must be in (0, 1), got {self.chance}")
        if self.average not in AVERAGES:
            raise ValueError(f"unknown average {self.average!r}; allowed: {', '.join(AVERAGES)}")

    @property
    def features(self) -> int:
        """Features of a token: its numbers, 1, whether it is BOS, whether it is a trigger."""
        return self.content + 3


def draw(task: TriggerAveraging, sequences: int, generator: torch.Generator) -> TriggerBatch:
    """Random sequences.

    Parameters
    ----------
    task : TriggerAveraging
        What they are like.
    sequences : int
        How many, at least 1.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    TriggerBatch
        See :func:`placed`.

    Raises
    ------
    ValueError
        If there are no sequences.

    Examples
    --------
    >>> batch = draw(TriggerAveraging(5), 2, torch.Generator().manual_seed(0))
    >>> batch.features.shape, batch.target.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 5, 1]))
    """
    if sequences < 1:
        raise ValueError(f"at least 1 sequence is needed, got {sequences}")
    numbers = torch.rand(sequences, task.tokens - 1, task.content, generator=generator, dtype=torch.float64)
    trigger = torch.rand(sequences, task.tokens - 1, generator=generator) < task.chance
    trigger[:, : FIRST_SCORED - 1] = False
    return placed(2 * numbers - 1, trigger, task.average)


def placed(
    numbers: Float64[Tensor, "batch number content"], trigger: Bool[Tensor, "batch number"], average: str = "seen"
) -> TriggerBatch:
    """Sequences of given numbers, with triggers at given places.

    Parameters
    ----------
    numbers : (batch, number, content)
        What the tokens after BOS carry.
    trigger : (batch, number)
        Which of them are triggers; the first one is not.
    average : {"seen", "before"}
        See :class:`TriggerAveraging`.

    Returns
    -------
    TriggerBatch
        Sequences of one token more, BOS being the first.

    Raises
    ------
    ValueError
        If the first token after BOS is a trigger, which would have nothing before it, or the average is unknown.

    Examples
    --------
    >>> numbers, trigger = torch.tensor([[[3.0], [1.0], [5.0]]]).double(), torch.tensor([[False, True, False]])
    >>> placed(numbers, trigger).target[0, :, 0].tolist()
    [0.0, 0.0, 1.3333333333333333, 0.0]
    >>> placed(numbers, trigger, "before").target[0, :, 0].tolist()
    [0.0, 0.0, 3.0, 0.0]
    """
    if average not in AVERAGES:
        raise ValueError(f"unknown average {average!r}; allowed: {', '.join(AVERAGES)}")
    if trigger[:, 0].any():
        raise ValueError(f"the first token after BOS is no trigger, got one in {int(trigger[:, 0].sum())} sequences")
    flag = torch.nn.functional.pad(trigger, (1, 0)).to(numbers.dtype)[..., None]
    content = torch.nn.functional.pad(numbers, (0, 0, 1, 0))
    one, bos = torch.ones_like(flag), torch.zeros_like(flag)
    bos[:, 0] = 1
    counted = one
    if average == "before":
        content, counted = content * (1 - flag), one - bos - flag
    mean = content.cumsum(1) / counted.cumsum(1).clamp(min=1)
    return TriggerBatch(torch.cat((content, one, bos, flag), -1), mean * flag)

"""What the probe needs of a model, wherever it comes from."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.shapes import Float, Int, Tensor

Visit = Callable[[AttentionRecord], None]  # called once for each attention layer, in order; keeps nothing alive


@runtime_checkable
class Source(Protocol):
    """A causal language model with its tokenizer.

    Attributes
    ----------
    name : str
        As the report prints it.
    facts : dict of str to str
        What else a reader should know: architecture, layers, heads, parameters.
    context : int or None
        The longest sequence that it was made for; None if it knows no limit.
    added : int
        Tokens of a sequence that are none of the text, such as one that begins it.
    """

    name: str
    facts: dict[str, str]
    context: int | None
    added: int

    def tokens(self, text: str) -> Int[Tensor, "token"]:
        """The text in tokens, with what the tokenizer puts before it."""

    def names(self, tokens: Int[Tensor, "token"]) -> list[str]:
        """Every token as readable text."""

    def records(self, tokens: Int[Tensor, "token"], visit: Visit) -> Float[Tensor, "prediction"]:
        """Run the model once and hand every attention layer to ``visit``.

        Parameters
        ----------
        tokens : (token,)
            One sequence of at least two.
        visit : callable
            Gets an :class:`~attention_atlas.decoders.attention_record.AttentionRecord` of a batch of one,
            which is not kept.

        Returns
        -------
        (prediction,)
            Surprise in nats at every token but the first.
        """


def refuse_infinite(name: str, what: str, numbers: Tensor) -> None:
    """Refuse numbers that are not all finite, in one line that says which.

    Examples
    --------
    >>> refuse_infinite("a model", "the attention of layer 3", torch.tensor([0.5, float("nan")]))
    Traceback (most recent call last):
        ...
    ValueError: a model cannot be measured: the attention of layer 3 is not finite (NaN or infinity)
    """
    if not torch.isfinite(numbers).all():
        raise ValueError(f"{name} cannot be measured: {what} is not finite (NaN or infinity)")

"""Weights of decoders trained here, kept for the experiments that go on from them."""

import io
from collections.abc import Callable
from pathlib import Path

import torch

from attention_atlas import files
from attention_atlas.shapes import Float, Tensor

Weights = dict[str, Float[Tensor, "..."]]


def place(key: str) -> Path:
    """Where the weights of a result are kept: a file of data/checkpoints, which git ignores.

    Parameters
    ----------
    key : str
        The result's, of :func:`attention_atlas.store.key`: another revision of the training has other weights.

    Examples
    --------
    >>> place("b8c8fc7c3b8371cc").name
    'decoder-b8c8fc7c3b8371cc.pt'
    """
    return files.ROOT / "data" / "checkpoints" / f"decoder-{key}.pt"


def keep(key: str, weights: Weights) -> None:
    """Keep the weights of one decoder.

    Parameters
    ----------
    key : str
        As of :func:`place`.
    weights : dict of str to (1, ...)
        Of one model.
    """
    buffer = io.BytesIO()
    torch.save({name: value.detach().clone() for name, value in weights.items()}, buffer)
    files.write(place(key), buffer.getvalue())


def weights_of(key: str, train: Callable[[], object]) -> Weights:
    """The weights of a result: kept ones where there are any, else it is trained now.

    Parameters
    ----------
    key : str
        As of :func:`place`.
    train : callable
        Trains the decoder and ends with :func:`keep`.

    Returns
    -------
    dict of str to (1, ...)
        Of one model.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = place(key)
    if not path.exists():
        train()
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise ValueError(f"{files.relative(path)} is damaged ({type(error).__name__}): delete it") from error

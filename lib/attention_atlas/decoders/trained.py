"""Weights of decoders trained here, kept for the experiments that go on from them."""

import io
from collections.abc import Callable
from pathlib import Path

import torch

from attention_atlas import files
from attention_atlas.shapes import Float, Tensor

Weights = dict[str, Float[Tensor, "..."]]


def place(config: object) -> Path:
    """Where the weights of a configuration are kept: a file of data/checkpoints, which git ignores.

    Parameters
    ----------
    config
        Frozen dataclass that settles the training.

    Examples
    --------
    >>> place("a configuration").name
    'decoder-b8c8fc7c3b8371cc.pt'
    """
    return files.ROOT / "data" / "checkpoints" / f"decoder-{files.digest(repr(config).encode())[:16]}.pt"


def keep(config: object, weights: Weights) -> None:
    """Keep the weights of one decoder.

    Parameters
    ----------
    config
        As of :func:`place`.
    weights : dict of str to (1, ...)
        Of one model.
    """
    buffer = io.BytesIO()
    torch.save({name: value.detach().clone() for name, value in weights.items()}, buffer)
    files.write(place(config), buffer.getvalue())


def weights_of(config: object, train: Callable[[object], object]) -> Weights:
    """The weights of a configuration: kept ones where there are any, else it is trained now.

    Parameters
    ----------
    config
        As of :func:`place`.
    train : callable
        Given the configuration; trains it and ends with :func:`keep`.

    Returns
    -------
    dict of str to (1, ...)
        Of one model.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    path = place(config)
    if not path.exists():
        train(config)
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise ValueError(f"{files.relative(path)} is damaged ({type(error).__name__}): delete it") from error

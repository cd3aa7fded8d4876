"""Any number of sequences in bounded memory: chunk by chunk, resumable, the same numbers however it is cut."""

import dataclasses
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch

from attention_atlas.simulation.direct import DirectSimulator
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.moments import Moments
from attention_atlas.simulation.running import stream

SIMULATORS = {
    "gram": GramSimulator,
    "direct": DirectSimulator,
    "direct32": partial(DirectSimulator, dtype=torch.float32),
}


def simulate(
    model: Model,
    sequences: int,
    seed: int = 0,
    simulator: str = "gram",
    map_layers: Iterable[int] | None = None,
    chunk: int | None = None,
    checkpoint: Path | None = None,
) -> Moments:
    """Mean score maps and recency probabilities of a stack over random sequences.

    Parameters
    ----------
    model : Model
        What to simulate.
    sequences : int
        How many, at least 2 (one has no standard error).
    seed : int
        Of all randomness; the sequences do not depend on `chunk`.
    simulator : {"gram", "direct", "direct32"}
        Through Gram factors, at a cost free of the dimension, or through token vectors, in float64 or float32.
    map_layers : iterable of int, optional
        Layers of which score maps are kept, counted from 1; by default all.
    chunk : int, optional
        Sequences held at once; by default as many as fit a core's cache. Changes rounding only.
    checkpoint : Path, optional
        Where the state is kept from time to time; a simulation that finds its own state there goes on from it, to
        the same numbers as without a break. Removed at the end.

    Returns
    -------
    Moments
        Sums over all sequences; :meth:`Moments.table` gives means and standard errors.

    Raises
    ------
    ValueError
        If the simulator is unknown or cannot simulate the model, or the checkpoint is another simulation's.

    Examples
    --------
    >>> table = simulate(Model(d_model=16, alpha=0.5), sequences=2000).table()
    >>> table.query("quantity == 'recency_probability'")["mean"].round(2).tolist()
    [0.5, 0.64, 0.8, 0.91]
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"unknown simulator {simulator!r}; allowed: {', '.join(SIMULATORS)}")
    if sequences < 2:
        raise ValueError(f"a standard error needs at least 2 sequences, got {sequences}")
    if chunk is not None and chunk < 1:
        raise ValueError(f"a chunk holds at least 1 sequence, got {chunk}")
    source = SIMULATORS[simulator](model, seed)
    chunk = chunk or source.chunk
    map_layers = list(range(1, model.layers + 1) if map_layers is None else map_layers)
    moments = Moments(model.tokens, model.layers, model.causal, map_layers)
    question = {"model": dataclasses.asdict(model), "seed": seed, "simulator": simulator, "chunk": chunk}

    def add(number: int) -> None:
        moments.add(source.layers(source.draw(number)))

    stream(add, moments, source, sequences, chunk, question | {"map_layers": map_layers}, checkpoint)
    return moments

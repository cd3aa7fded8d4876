"""What the attention maps of the retrieval networks say: who looks at the vectors, who at the labels.

Of 2 n + 1 tokens, 1, 3, ..., 2 n - 1 are the vectors of the items, 2, 4, ..., 2 n their labels; the last is the query.
"""

import pandas as pd
import torch

from attention_atlas.experiments.retrieval import Config
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import Models
from attention_atlas.shapes import Bool, Float, Float64, Tensor
from attention_atlas.tasks.retrieval import PLACES, Task

READERS = ("vectors", "labels", "query")
READ = ("token 1", "vectors", "labels", "the token before", "itself")
LEAST = 5e-7  # stored maps have six decimals: what reads 0 is a weight below this


def known_maps(models: Models, **chosen) -> dict[int, Float64[Tensor, "layer query key"]]:
    """Mean attention maps of a setting's known models, by seed.

    Parameters
    ----------
    models : Models
        What is known.
    chosen
        Fields of :class:`attention_atlas.experiments.retrieval.Config` and their values; the official code's for the
        others.

    Returns
    -------
    dict
        For every seed that is known, at the largest size there is, the maps of all layers, rows summing to 1; no weight
        that the mask allows is 0.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> known_maps(Models(["unbiased-causal-none-2-seed0"], "smoke", store=Store(Path("/nowhere"))), residual=False)
    {}
    """
    return {seed: _maps(models, name, "map") for seed, name in _with_maps(models, chosen).items()}


def one_sequence(
    models: Models, **chosen
) -> tuple[int, Float64[Tensor, "layer query key"], Bool[Tensor, "key"]] | None:
    """Attention maps of a single sequence, of a setting's first known model that keeps them.

    Parameters
    ----------
    models, chosen
        As of :func:`known_maps`.

    Returns
    -------
    seed : int
        Of the model.
    maps : (layer, query, key)
        As of :func:`known_maps`.
    asked : (key,)
        Which tokens are of the query's class. Where no model keeps such maps the answer is None.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> one_sequence(Models(["unbiased-causal-none-2-seed0"], "smoke", store=Store(Path("/nowhere")))) is None
    True
    """
    for seed, name in sorted(_with_maps(models, chosen).items()):
        if (asked := models.asked(name)) is not None:
            return seed, _maps(models, name, "one_map"), asked
    return None


def _with_maps(models: Models, chosen: dict) -> dict[int, str]:
    """Points of a setting that keep maps, by seed, at the largest size there is."""
    found = {}  # by length of training, which differs between sizes
    for name, config in models.configs.items():
        usual = Config(seed=config.seed, steps=config.steps, test_sequences=config.test_sequences, maps=config.maps)
        if config.maps and vars(config) == vars(usual) | chosen:
            found.setdefault(config.steps, {})[config.seed] = name
    return found[max(found)] if found else {}


def _maps(models: Models, name: str, quantity: str) -> Float64[Tensor, "layer query key"]:
    config = models.configs[name]
    maps = torch.stack([models.map_of(name, layer, quantity) for layer in range(1, config.depth + 1)])
    maps = maps.clamp(min=LEAST) * config.model.bias(maps.shape[-1]).isfinite()
    return maps / maps.sum(-1, keepdim=True)


def reading_shares(weights: Float[Tensor, "query key"]) -> pd.DataFrame:
    """Mean weight that the vectors, the labels and the query give to each kind of token.

    Parameters
    ----------
    weights : (query, key)
        An attention map or a rollout of 2 n + 1 tokens, n >= 1.

    Returns
    -------
    DataFrame
        One row per kind of reader (:data:`READERS`), one column per kind of token that is read (:data:`READ`), in
        [0, 1]. ``vectors`` and ``labels`` leave out the reader itself, so with ``itself`` they sum to 1 in a causal
        map; ``token 1`` is one of the vectors, ``the token before`` a vector or a label. Token 1 is no reader here: in
        a causal map it sees only itself.

    Raises
    ------
    ValueError
        If the map is not square with an odd number of tokens, at least 3.

    Examples
    --------
    >>> uniform = torch.ones(3, 3).tril() / torch.arange(1, 4)[:, None]
    >>> reading_shares(uniform).loc["query"].round(3).tolist()
    [0.333, 0.333, 0.333, 0.333, 0.333]
    """
    tokens, keys = weights.shape
    if tokens != keys or tokens < 3 or tokens % 2 == 0:
        raise ValueError(f"a map of vectors, labels and a query is square and odd, at least 3, got {tokens} x {keys}")
    weights = weights.detach().double()
    others = weights.clone().fill_diagonal_(0.0)
    before = torch.zeros(tokens, dtype=torch.float64)
    before[1:] = weights.diagonal(-1)
    shares = torch.stack(
        [others[:, 0], others[:, 0:-1:2].sum(1), others[:, 1::2].sum(1), before, weights.diagonal()], dim=1
    )
    readers = {"vectors": slice(2, -1, 2), "labels": slice(1, None, 2), "query": slice(-1, None)}
    table = [shares[rows].mean(0).tolist() for rows in readers.values()]
    return pd.DataFrame(table, index=list(READERS), columns=list(READ))


def class_shares(row: Float[Tensor, "key"], asked: Bool[Tensor, "mark"]) -> pd.Series:
    """What the query gives to vectors and labels of its own class and of others, in one sequence.

    Parameters
    ----------
    row : (key,)
        Its weights on the 2 n + 1 tokens, itself the last.
    asked : (key,)
        Which tokens are of its class.

    Returns
    -------
    Series
        Shares in [0, 1] of ``own vectors``, ``other vectors``, ``own labels``, ``other labels`` and ``itself``, whose
        sum is that of the row.

    Raises
    ------
    ValueError
        If there are not as many marks as weights.

    Examples
    --------
    >>> row, asked = torch.tensor([0.1, 0.4, 0.2, 0.1, 0.2]), torch.tensor([True, True, False, False, True])
    >>> class_shares(row, asked).round(3).tolist()
    [0.1, 0.2, 0.4, 0.1, 0.2]
    """
    if len(row) != len(asked):
        raise ValueError(f"every token is of the query's class or not, got {len(row)} weights and {len(asked)} marks")
    row, own = row.detach().double(), asked.double()
    vectors, labels = slice(0, -1, 2), slice(1, None, 2)
    shares = {}
    for name, tokens in (("vectors", vectors), ("labels", labels)):
        shares[f"own {name}"] = (row * own)[tokens].sum().item()
        shares[f"other {name}"] = (row * (1 - own))[tokens].sum().item()
    return pd.Series(shares | {"itself": row[-1].item()})


def most_grown(
    weights: Float[Tensor, "query key"], before: Float[Tensor, "query key"]
) -> tuple[str, str, float, float]:
    """The reading that has become the largest multiple of what it was.

    Parameters
    ----------
    weights, before : (query, key)
        A map after training and one before it, as of :func:`reading_shares`; before, no reading may be 0.

    Returns
    -------
    reader : str
        One of :data:`READERS`.
    read : str
        One of :data:`READ`.
    share : float
        What that reader gives to it after training, in [0, 1].
    factor : float
        How many times as much as before.

    Raises
    ------
    ValueError
        As :func:`reading_shares`, or if something was not read at all before.

    Examples
    --------
    >>> uniform = torch.ones(5, 5, dtype=torch.float64).tril() / torch.arange(1, 6)[:, None]
    >>> trained = uniform.clone()
    >>> trained[-1] = torch.tensor([0.1, 0.2, 0.1, 0.2, 0.4])
    >>> reader, read, share, factor = most_grown(trained, uniform)
    >>> reader, read, round(share, 3), round(factor, 3)
    ('query', 'itself', 0.4, 2.0)
    """
    after, start = reading_shares(weights), reading_shares(before)
    if start.eq(0).any(axis=None):
        reader, read = start.eq(0).stack().idxmax()
        raise ValueError(f"before training everything must be read, got 0 from the {reader} to {read}")
    factor = after / start
    reader, read = factor.stack().idxmax()
    return reader, read, float(after.loc[reader, read]), float(factor.loc[reader, read])


def item_shares(weights: Float[Tensor, "query key"], items: tuple[int, ...]) -> list[float]:
    """What the query takes from items, the vector and the label of each together.

    Parameters
    ----------
    weights : (query, key)
        An attention map or a rollout of 2 n + 1 tokens.
    items : tuple of int
        Counted from 0, as :meth:`attention_atlas.tasks.retrieval.Task.place` gives them.

    Returns
    -------
    list of float
        In [0, 1].

    Raises
    ------
    ValueError
        If an item is not in the sequence.

    Examples
    --------
    >>> item_shares(torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0.25, 0.25, 0.5]]), (0,))
    [0.5]
    """
    last = weights[-1].detach().double()
    count = (len(last) - 1) // 2
    if wrong := [item for item in items if not 0 <= item < count]:
        raise ValueError(f"a sequence of {len(last)} tokens has items 0 .. {count - 1}, got {wrong[0]}")
    return [last[2 * item : 2 * item + 2].sum().item() for item in items]


def item_differences(weights: Float[Tensor, "query key"], task: Task) -> dict[str, float]:
    """How much more the query takes from the item at one of the paper's places than from that at another.

    Parameters
    ----------
    weights : (query, key)
        An attention map or a rollout of the task's tokens.
    task : Task
        Says which items are first, middle and last.

    Returns
    -------
    dict
        For every gap of :data:`attention_atlas.outcomes.retrieval_names.GAPS`, the share (:func:`item_shares`) of the
        first-named item less that of the other one, in [-1, 1].

    Raises
    ------
    ValueError
        If an item of the task is not in the sequence.

    Examples
    --------
    >>> weights = torch.zeros(7, 7)
    >>> weights[-1] = torch.tensor([0.25, 0.25, 0.125, 0.125, 0.0, 0.125, 0.125])
    >>> item_differences(weights, Task(items=3, burstiness=1))
    {'first_vs_middle': 0.25, 'first_vs_last': 0.375, 'middle_vs_last': 0.125}
    """
    share = dict(zip(PLACES, item_shares(weights, tuple(map(task.place, PLACES))), strict=True))
    pairs = {gap: gap.split("_vs_") for gap in GAPS}
    return {gap: share[one] - share[other] for gap, (one, other) in pairs.items()}


def moved_share(row: Float[Tensor, "key"], before: Float[Tensor, "key"]) -> float:
    """The part of a row of attention that has gone to other tokens.

    Parameters
    ----------
    row, before : (key,)
        Weights of one query, each summing to 1.

    Returns
    -------
    float
        In [0, 1]: the distance in total variation.

    Examples
    --------
    >>> moved_share(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.5, 0.25]))
    0.25
    """
    return (row - before).abs().sum().item() / 2

"""Answers without learning: the label of an item that matches the query, and how far guessing gets.

A network that copies from one place by rule shows what the gaps between places can be; the levels of guessing show
what a trained network has learned when its accuracy or loss passes them.
"""

import math

import pandas as pd
import torch

from attention_atlas.outcomes.retrieval_names import GAPS, sides
from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.tasks.retrieval import Task, World
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences

RULES = ("first match", "last match", "majority of matches", "random item")


def labels_of(tokens: Float[Tensor, "sequence token d_model"], world: World) -> Int[Tensor, "sequence item"]:
    """Which label stands behind every vector of a sequence.

    Parameters
    ----------
    tokens : (sequence, token, d_model)
        As :func:`~.retrieval_sequences.training_sequences` draws them.
    world : World
        Whose label vectors they hold.

    Returns
    -------
    (sequence, item)
        Index of the nearest label vector.

    Examples
    --------
    >>> labels = torch.tensor([[-7.0], [7.0]])
    >>> world = World(torch.zeros(1, 1), labels, torch.zeros(1, dtype=torch.int64), torch.zeros(1))
    >>> labels_of(torch.tensor([[[1.0], [7.0], [2.0], [-7.0], [1.0]]]), world)
    tensor([[1, 0]])
    """
    return torch.cdist(tokens[:, 1::2], world.label_vectors.expand(len(tokens), -1, -1)).argmin(-1)


def matches(tokens: Float[Tensor, "sequence token d_model"]) -> Bool[Tensor, "sequence item"]:
    """Which items hold the very vector of the query; without noise these are the items of its class.

    Examples
    --------
    >>> matches(torch.tensor([[[1.0], [7.0], [2.0], [7.0], [1.0]]]))
    tensor([[ True, False]])
    """
    return (tokens[:, 0:-1:2] == tokens[:, -1:]).all(-1)


def copied(
    tokens: Float[Tensor, "sequence token d_model"], world: World, rule: str, generator: torch.Generator | None = None
) -> Int[Tensor, "sequence"]:
    """Answer by a rule that only compares vectors and copies a label.

    Parameters
    ----------
    tokens : (sequence, token, d_model)
        Sequences without noise, in which at least one item matches the query.
    world : World
        Whose label vectors they hold.
    rule : {"first match", "last match", "majority of matches", "random item"}
        Which item's label: of the first or last one of the query's class, the label that most of these have, or that
        of any item.
    generator : torch.Generator, optional
        Source of randomness of the last rule.

    Returns
    -------
    (sequence,)
        Labels.

    Raises
    ------
    ValueError
        If the rule is unknown, or a query has no match to copy from.

    Examples
    --------
    >>> from attention_atlas.tasks.retrieval import draw_world
    >>> from attention_atlas.tasks.retrieval_sequences import training_sequences
    >>> task, generator = Task(noise=0.0), torch.Generator().manual_seed(0)
    >>> world = draw_world(task, generator)
    >>> tokens, targets = training_sequences(task, world, 5, generator)
    >>> torch.equal(copied(tokens, world, "first match"), targets)
    True
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; allowed: {', '.join(RULES)}")
    labels, match = labels_of(tokens, world), matches(tokens)
    if rule == "random item":
        place = torch.randint(labels.shape[1], (len(labels), 1), generator=generator)
        return labels.gather(1, place)[:, 0]
    if not match.any(1).all():
        raise ValueError(f"{(~match.any(1)).sum()} of {len(match)} queries match no item; draw sequences without noise")
    if rule == "majority of matches":
        votes = torch.zeros(len(labels), len(world.label_vectors), dtype=torch.int64)
        return votes.scatter_add_(1, labels, match.long()).argmax(1)
    order = torch.arange(match.shape[1])
    weight = order.flip(0) if rule == "first match" else order
    place = (weight + 1).mul(match).argmax(1, keepdim=True)
    return labels.gather(1, place)[:, 0]


def on_tests(task: Task, world: World, sequences: int, generator: torch.Generator) -> pd.DataFrame:
    """What the rules give on the tests that trained networks take, and how often a test asks nothing.

    Parameters
    ----------
    task : Task
        Without noise.
    world : World
        Whose label vectors the sequences hold.
    sequences : int
        Of each kind of test.
    generator : torch.Generator
        Source of all randomness.

    Returns
    -------
    DataFrame
        Columns ``test`` ("novel", or "a_over_b" for any two places, where both hold one vector and the label at a is
        right), ``quantity`` and ``value``: under the name of a rule its accuracy; under "one label", where there are
        two places, the share of sequences in which both have the same label, so that nothing is in conflict.

    Raises
    ------
    ValueError
        If the task has noise, so that a query matches no item.

    Examples
    --------
    >>> from attention_atlas.tasks.retrieval import draw_world
    >>> task, generator = Task(noise=0.0), torch.Generator().manual_seed(0)
    >>> table = on_tests(task, draw_world(task, generator), 50, generator)
    >>> table[table["test"] == "novel"]["value"].tolist()[:3]
    [1.0, 1.0, 1.0]
    """
    rows = []
    for test in ("novel", *(side for gap in GAPS for side in sides(gap))):
        if test == "novel":
            tokens, targets = novel_sequences(task, world, sequences, generator)
        else:
            right, other = (task.place(name) for name in test.split("_over_"))
            tokens, targets = conflict_sequences(task, world, right, other, sequences, generator)
            one_label = (tokens[:, 2 * right + 1] == tokens[:, 2 * other + 1]).all(1)
            rows.append((test, "one label", one_label.double().mean().item()))
        for rule in RULES:
            answers = copied(tokens, world, rule, generator)
            rows.append((test, rule, (answers == targets).double().mean().item()))
    return pd.DataFrame(rows, columns=["test", "quantity", "value"])


def guessing(task: Task) -> dict[str, tuple[float, float]]:
    """Accuracy and loss of two kinds of ignorance.

    Parameters
    ----------
    task : Task
        Whose training asks about every item.

    Returns
    -------
    dict
        "any label": knows nothing, (1 / L, log L). "a label of the sequence": knows which labels occur and how often,
        but not which is the query's. Losses in nats.

    Notes
    -----
    *Derived here.* The query's class is that of a random item, so the label of a random item is right with
    1/m + (1 - 1/m)/L, where m = n/B classes are in a sequence; with two classes no other guess is better. The loss is
    the mean of log(m / (1 + k)), where k of the m - 1 other classes have the query's label.

    Examples
    --------
    >>> {name: (round(accuracy, 4), round(loss, 4)) for name, (accuracy, loss) in guessing(Task()).items()}
    {'any label': (0.0312, 3.4657), 'a label of the sequence': (0.5156, 0.6715)}
    """
    m, p = task.distinct, 1 / task.labels
    chances = [math.comb(m - 1, k) * p**k * (1 - p) ** (m - 1 - k) for k in range(m)]
    loss = sum(chance * math.log(m / (1 + k)) for k, chance in enumerate(chances))
    return {"any label": (p, math.log(task.labels)), "a label of the sequence": (1 / m + (1 - 1 / m) * p, loss)}

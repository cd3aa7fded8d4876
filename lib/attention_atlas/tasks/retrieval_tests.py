"""Sequences of classes never seen in training: only the context can answer, and from which place is the question."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.tasks.retrieval import Task, World, draw_world
from attention_atlas.tasks.retrieval_sequences import arrange, check_request


def novel_sequences(
    task: Task, world: World, sequences: int, generator: torch.Generator, places: Sequence[int] = ()
) -> tuple[Float[Tensor, "sequence token d_model"], Int[Tensor, "sequence"]]:
    """Draw sequences of classes that no other sequence has, which only the context tells how to label.

    Parameters
    ----------
    task, world, sequences, generator
        As of :func:`~.retrieval_sequences.training_sequences`; of the world only what is not a class is used.
    places : sequence of int
        Items, counted from 0, from which the query's class is drawn; () for every item, whatever the task's are.

    Returns
    -------
    tokens, targets
        As of :func:`~.retrieval_sequences.training_sequences`.

    Raises
    ------
    ValueError
        As :func:`~.retrieval_sequences.training_sequences`, or if a place is not in the sequence.

    Notes
    -----
    The share of right answers is the in-context accuracy. Every sequence has fresh class means and fresh labels, with
    the trained label vectors; two classes of a sequence share a label with probability 1 / L. The *official code*
    has these sequences only in the form of :func:`conflict_sequences`.

    Examples
    --------
    >>> task, generator = Task(), torch.Generator().manual_seed(0)
    >>> tokens, targets = novel_sequences(task, draw_world(task, generator), 3, generator)
    >>> tokens.shape, targets.shape
    (torch.Size([3, 17, 64]), torch.Size([3]))
    """
    check_request(task, world, sequences)
    count = sequences * task.distinct
    fresh = draw_world(replace(task, classes=count), generator, world.means.dtype)
    fresh = replace(fresh, label_vectors=world.label_vectors, shared=world.shared)
    chosen = torch.arange(count, device=generator.device).view(sequences, task.distinct)
    return arrange(task, fresh, chosen, places, generator)


def conflict_sequences(
    task: Task, world: World, right: int, other: int, sequences: int, generator: torch.Generator
) -> tuple[Float[Tensor, "sequence token d_model"], Int[Tensor, "sequence"]]:
    """Draw novel sequences in which one vector stands at two places, and the label at the first of them is right.

    Parameters
    ----------
    task, world, sequences, generator
        As of :func:`novel_sequences`.
    right : int
        Item, counted from 0, whose class is the query's and whose label is the target.
    other : int
        Another item; its vector is overwritten by the one at `right`, its label stays.

    Returns
    -------
    tokens, targets
        As of :func:`~.retrieval_sequences.training_sequences`.

    Raises
    ------
    ValueError
        As :func:`novel_sequences`, or if the two places are one.

    Notes
    -----
    The six test sets of Wu et al. 2025 are the ordered pairs of :data:`PLACES`. The accuracy with the first item right
    and the middle one other, minus the accuracy the other way round, is their gap "first vs middle". Burstiness is
    kept as in the *official code*, so both places have one label in a share (B - 1)/(n - 1) + (n - B)/(n - 1)/L of the
    sequences, .4464 by default, and no gap can be expected above .5536 (*derived here*; see the discrepancy ledger).
    With a fixed vocabulary the *official code* draws another omega for each test set; here it is the world's, as in
    the text.

    Examples
    --------
    >>> task, generator = Task(), torch.Generator().manual_seed(0)
    >>> world, first, last = draw_world(task, generator), task.place("first"), task.place("last")
    >>> tokens, targets = conflict_sequences(task, world, first, last, 3, generator)
    >>> torch.equal(tokens[:, 2 * first], tokens[:, 2 * last])
    True
    """
    if right == other:
        raise ValueError(f"a conflict needs two different places, got {right} twice")
    task.among((right, other))
    tokens, targets = novel_sequences(task, world, sequences, generator, places=(right,))
    tokens[:, 2 * other] = tokens[:, 2 * right]
    return tokens, targets

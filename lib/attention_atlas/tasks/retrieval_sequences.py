"""Sequences of the retrieval task: laid out word by word, then spelled as vectors."""

import math
from collections.abc import Sequence

import torch
from torch.nn.functional import normalize

from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.tasks.retrieval import Task, World, normal


def training_sequences(
    task: Task, world: World, sequences: int, generator: torch.Generator
) -> tuple[Float[Tensor, "sequence token d_model"], Int[Tensor, "sequence"]]:
    """Draw sequences of trained classes, the query's among those at the task's places.

    Parameters
    ----------
    task : Task
        The task; its `places` say where the query's class comes from.
    world : World
        The task's vocabulary.
    sequences : int
        How many, at least 1.
    generator : torch.Generator
        Source of randomness, on the world's device.

    Returns
    -------
    tokens : (sequence, token, d_model)
        Item p has its vector at token 2 p and its label at 2 p + 1; the query is the last token.
    targets : (sequence,)
        Label of the query's class.

    Raises
    ------
    ValueError
        If there are no sequences to draw, or the world is another task's.

    Notes
    -----
    Wu et al. 2025, Section 5. Classes are distinct and uniform, their order is a uniform permutation, and the query
    is a vector of its own: in the mixture it has its class with an item in common, not its noise.

    Examples
    --------
    >>> from attention_atlas.tasks.retrieval import draw_world
    >>> task, generator = Task(places=(0,)), torch.Generator().manual_seed(0)
    >>> world = draw_world(task, generator)
    >>> tokens, targets = training_sequences(task, world, 3, generator)
    >>> tokens.shape, torch.equal(tokens[:, 1], world.label_vectors[targets])
    (torch.Size([3, 17, 64]), True)
    """
    index, targets = training_layout(task, world, sequences, generator)
    return spell(task, word_vectors(task, world), index, generator), targets


def training_layout(
    task: Task, world: World, sequences: int, generator: torch.Generator
) -> tuple[Int[Tensor, "sequence token"], Int[Tensor, "sequence"]]:
    """Draw which word stands where in training sequences, without their vectors.

    Many sequences may be laid out at once and be spelled a few at a time, which is quicker than either alone.

    Parameters
    ----------
    task, world, sequences, generator
        As of :func:`training_sequences`.

    Returns
    -------
    index : (sequence, token)
        Rows of :func:`word_vectors`.
    targets : (sequence,)
        Label of the query's class.

    Raises
    ------
    ValueError
        As :func:`training_sequences`.
    """
    check_request(task, world, sequences)
    # Floyd's algorithm: n / B distinct classes of K at the cost of n / B draws, without a permutation of all K.
    chosen = torch.empty(sequences, task.distinct, dtype=torch.int64, device=generator.device)
    for i in range(task.distinct):
        last = task.classes - task.distinct + i
        draw = torch.randint(last + 1, (sequences,), generator=generator, device=generator.device)
        chosen[:, i] = draw.masked_fill_((chosen[:, :i] == draw[:, None]).any(1), last)
    return _layout(task, world, chosen, task.places, generator)


def word_vectors(task: Task, world: World) -> Float[Tensor, "word d_model"]:
    """Vectors of all words: those of the classes, without noise, and then those of the labels."""
    spread = task.anisotropy if task.vocabulary == "fixed" else task.noise
    return torch.cat(((world.means + spread * world.shared) / math.hypot(1, spread), world.label_vectors))


def spell(
    task: Task,
    words: Float[Tensor, "word d_model"],
    index: Int[Tensor, "sequence token"],
    generator: torch.Generator,
    into: Float[Tensor, "sequence token d_model"] | None = None,
) -> Float[Tensor, "sequence token d_model"]:
    """Vectors of laid-out sequences, each item's and query's with noise of its own where the task has noise.

    Parameters
    ----------
    task : Task
        The task.
    words : (word, d_model)
        As of :func:`word_vectors`.
    index : (sequence, token)
        As of :func:`training_layout`.
    generator : torch.Generator
        Source of the noise.
    into : (sequence, token, d_model), optional
        Contiguous memory to write the sequences to, in place of new one.

    Returns
    -------
    (sequence, token, d_model)
        The sequences.
    """
    tokens = words.new_empty(*index.shape, task.d_model) if into is None else into
    torch.index_select(words, 0, index.flatten(), out=tokens.view(-1, task.d_model))
    if task.vocabulary == "gaussian_mixture":
        size = task.deviation * task.noise / math.hypot(1, task.noise)
        shape = (len(index), task.items + 1, task.d_model)
        tokens[:, 0::2].add_(normal(shape, size, generator, tokens.dtype))
    return tokens


def class_cosines(
    tokens: Float[Tensor, "sequence token d_model"], index: Int[Tensor, "sequence token"]
) -> tuple[float, float]:
    """Mean cosine of two items of one class, and of two items of different classes.

    Parameters
    ----------
    tokens : (sequence, token, d_model)
        Spelled sequences; pairs are taken within a sequence, the query is no item.
    index : (sequence, token)
        Their layout, which knows the classes.

    Returns
    -------
    (float, float)
        In [-1, 1]; NaN where there is no such pair.

    Examples
    --------
    >>> tokens = torch.tensor([[[1.0, 0.0], [9.0, 9.0], [2.0, 0.0], [9.0, 9.0], [0.0, 3.0], [9.0, 9.0], [9.0, 9.0]]])
    >>> class_cosines(tokens, torch.tensor([[0, 5, 0, 5, 1, 6, 0]]))
    (1.0, 0.0)
    """
    items, classes = normalize(tokens[:, :-1:2], dim=-1), index[:, :-1:2]
    pair = torch.ones(classes.shape[1], classes.shape[1], dtype=torch.bool, device=index.device).triu(1)
    cosines, same = (items @ items.mT)[:, pair], (classes[:, :, None] == classes[:, None])[:, pair]
    return cosines[same].mean().item(), cosines[~same].mean().item()


def arrange(
    task: Task,
    world: World,
    chosen: Int[Tensor, "sequence distinct"],
    places: Sequence[int],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "sequence token d_model"], Int[Tensor, "sequence"]]:
    """Write out sequences of given classes: each comes `burstiness` times, in random order, and then a query.

    Parameters
    ----------
    task, world, generator
        As of :func:`training_sequences`.
    chosen : (sequence, distinct)
        The n / B classes of each sequence, as indices of the world's.
    places : sequence of int
        Items, counted from 0, from which the query's class is drawn; () for every item.

    Returns
    -------
    tokens, targets
        As of :func:`training_sequences`.

    Raises
    ------
    ValueError
        If the classes of a sequence are not n / B, or a place is not in the sequence.

    Examples
    --------
    >>> task, generator = Task(items=2, burstiness=1, d_model=1, noise=0.0), torch.Generator().manual_seed(0)
    >>> world = World(torch.tensor([[7.0], [8.0]]), torch.tensor([[-7.0], [-8.0]]), torch.arange(2), torch.zeros(1))
    >>> tokens, targets = arrange(task, world, torch.tensor([[0, 1]]), (1,), generator)
    >>> tokens[0, :, 0], targets
    (tensor([ 7., -7.,  8., -8.,  8.]), tensor([1]))
    """
    index, targets = _layout(task, world, chosen, places, generator)
    return spell(task, word_vectors(task, world), index, generator), targets


def _layout(
    task: Task, world: World, chosen: Tensor, places: Sequence[int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    sequences, distinct = chosen.shape
    if distinct != task.distinct:
        raise ValueError(f"a sequence of this task holds {task.distinct} classes, got {distinct}")
    device = generator.device
    order = torch.rand(sequences, task.items, generator=generator, device=device).argsort(1)
    classes = chosen.repeat(1, task.burstiness).gather(1, order)
    allowed = torch.tensor(task.among(places), device=device)
    place = allowed[torch.randint(len(allowed), (sequences, 1), generator=generator, device=device)]
    query = classes.gather(1, place)
    # One index for all tokens, into one table of vectors: fewer passes over memory.
    index = torch.empty(sequences, task.tokens, dtype=torch.int64, device=device)
    index[:, 0:-1:2], index[:, 1::2], index[:, -1:] = classes, world.class_labels[classes] + len(world.means), query
    return index, world.class_labels[query[:, 0]]


def check_request(task: Task, world: World, sequences: int) -> None:
    """Refuse a number of sequences below 1, and a world that is not one of the task.

    Raises
    ------
    ValueError
        In one line.
    """
    if sequences < 1:
        raise ValueError(f"there must be at least 1 sequence, got {sequences}")
    has = *world.means.shape, *world.label_vectors.shape
    needs = task.classes, task.d_model, task.labels, task.d_model
    if has != needs:
        raise ValueError(
            f"the task's class means and label vectors have shapes {needs[:2]} and {needs[2:]}, "
            f"the world's have {has[:2]} and {has[2:]}"
        )

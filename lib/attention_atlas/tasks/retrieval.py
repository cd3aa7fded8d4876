"""In-context classification with a place for the answer (Wu et al. 2025): vectors and labels in turn, then a query.

A sequence is x_1 y_1 x_2 y_2 ... x_n y_n x_query. The vectors x belong to classes and every class has a label y. Each
class comes several times in a sequence, the query's class among them, and the label of the query is to be told. Here
are the task and its vocabulary; :mod:`attention_atlas.tasks.retrieval_sequences` draws what networks are trained on,
:mod:`attention_atlas.tasks.retrieval_tests` what only the context can answer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from attention_atlas.shapes import Float, Int, Tensor

PLACES = ("first", "middle", "last")
SCALES = ("code", "text")
VOCABULARIES = ("gaussian_mixture", "fixed")


@dataclass(frozen=True)
class Task:
    """What the sequences of a task look like; the default is the main task of Wu et al. 2025.

    Parameters
    ----------
    items : int
        Pairs of a vector and its label in a sequence (n), at least 1.
    d_model : int
        Dimension of a token, at least 1.
    classes : int
        Trained classes (K), at least as many as one sequence holds.
    labels : int
        Labels (L), at least 1; every class has one, most labels have many classes.
    burstiness : int
        How often each class of a sequence comes in it (B), a divisor of `items`: a sequence holds n / B classes.
    noise : float
        Size of a vector's deviation from its class mean, in units of the mean's (eps), at least 0.
    scale : {"code", "text"}
        Components of means, labels and noise have standard deviation 1 / d_model, or variance 1 / d_model.
    vocabulary : {"gaussian_mixture", "fixed"}
        Every vector has noise of its own, or all vectors of a class are one.
    anisotropy : float
        Size of the direction that all vectors of a fixed vocabulary share (lambda), at least 0.
    places : tuple of int
        Items, counted from 0, from which the class of a training query is drawn; () for every item.

    Raises
    ------
    ValueError
        If a value is none of these.

    Notes
    -----
    Wu et al. 2025, Section 5 and Appendices J and L: x = (mu + eps eta) / sqrt(1 + eps^2) in the mixture and
    x = (mu + lambda omega) / sqrt(1 + lambda^2) in the fixed vocabulary, n = 8, d = 64, K = 2048, L = 32, B = 4,
    eps = lambda = 0.75. Text and *official code* differ on the scale (see the discrepancy ledger).

    Examples
    --------
    >>> task = Task(items=8, burstiness=4)
    >>> task.tokens, task.place("middle")
    (17, 4)
    """

    items: int = 8
    d_model: int = 64
    classes: int = 2048
    labels: int = 32
    burstiness: int = 4
    noise: float = 0.75
    scale: str = "code"
    vocabulary: str = "gaussian_mixture"
    anisotropy: float = 0.75
    places: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("items", "d_model", "classes", "labels", "burstiness"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.items % self.burstiness:
            raise ValueError(f"burstiness must divide the {self.items} items, got {self.burstiness}")
        if self.classes < self.distinct:
            raise ValueError(f"a sequence holds {self.distinct} distinct classes, got a task of {self.classes}")
        for name in ("noise", "anisotropy"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, got {getattr(self, name)}")
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale {self.scale!r}; allowed: {', '.join(SCALES)}")
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(f"unknown vocabulary {self.vocabulary!r}; allowed: {', '.join(VOCABULARIES)}")
        self.among(self.places)

    @property
    def tokens(self) -> int:
        """Length of a sequence: a vector and a label per item, and the query."""
        return 2 * self.items + 1

    @property
    def distinct(self) -> int:
        """Classes in a sequence."""
        return self.items // self.burstiness

    @property
    def deviation(self) -> float:
        """Standard deviation of one component of a class mean, a label vector or the noise."""
        return 1 / self.d_model if self.scale == "code" else 1 / math.sqrt(self.d_model)

    def place(self, name: str) -> int:
        """Index of the first, middle or last item; the middle is item n // 2 counted from 0 (*official code*)."""
        if name not in PLACES:
            raise ValueError(f"unknown place {name!r}; allowed: {', '.join(PLACES)}")
        return {"first": 0, "middle": self.items // 2, "last": self.items - 1}[name]

    def among(self, places: Sequence[int]) -> tuple[int, ...]:
        """The items named, or every item where none is; refuses an item named twice or not in a sequence."""
        if len(set(places)) < len(places) or not all(0 <= place < self.items for place in places):
            raise ValueError(f"places must be different items in 0 .. {self.items - 1}, got {tuple(places)}")
        return tuple(places) or tuple(range(self.items))


@dataclass(frozen=True)
class World:
    """One draw of a task's vocabulary, to which a network is trained.

    Parameters
    ----------
    means : (classes, d_model)
        Means of the trained classes.
    label_vectors : (labels, d_model)
        Vector of each label, for trained and novel classes alike.
    class_labels : (classes,)
        Label of each trained class.
    shared : (d_model,)
        Direction that all vectors of a fixed vocabulary share (omega); zero in the mixture, which has none.
    """

    means: Float[Tensor, "classes d_model"]
    label_vectors: Float[Tensor, "labels d_model"]
    class_labels: Int[Tensor, "classes"]
    shared: Float[Tensor, "d_model"]

    def to(self, device: str) -> "World":
        """The same world on another device."""
        return World(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def draw_world(task: Task, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> World:
    """Draw the vocabulary of a task: class means, label vectors and the label of every class.

    Parameters
    ----------
    task : Task
        What to draw.
    generator : torch.Generator
        Source of randomness; its device is the world's.
    dtype : torch.dtype
        Of the vectors, and later of the sequences.

    Returns
    -------
    World
        Gaussian vectors; labels are uniform and independent, so two classes may well share one.

    Notes
    -----
    Wu et al. 2025, Appendix J; the scale is the task's.

    Examples
    --------
    >>> world = draw_world(Task(), torch.Generator().manual_seed(0))
    >>> world.means.shape, round(world.means.std().item() * 64, 1)
    (torch.Size([2048, 64]), 1.0)
    """
    means = normal((task.classes, task.d_model), task.deviation, generator, dtype)
    label_vectors = normal((task.labels, task.d_model), task.deviation, generator, dtype)
    class_labels = torch.randint(task.labels, (task.classes,), generator=generator, device=generator.device)
    fixed = task.vocabulary == "fixed"
    shared = normal((task.d_model,), task.deviation, generator, dtype) if fixed else torch.zeros_like(means[0])
    return World(means, label_vectors, class_labels, shared)


def normal(shape: tuple[int, ...], deviation: float, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Independent normal numbers around 0."""
    return torch.empty(shape, dtype=dtype, device=generator.device).normal_(std=deviation, generator=generator)

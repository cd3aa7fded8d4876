"""Running sums over random sequences: in bounded memory, resumable, the same numbers however they are cut."""

import json
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from attention_atlas import files
from attention_atlas.shapes import Float64, Tensor

EVERY = 10.0  # seconds between checkpoints
BLOCK = 16  # torch fills normals in groups of this many


def whole_blocks(numbers: int) -> int:
    """How many normal numbers to draw for a sequence so that it is the same however many sequences are drawn at once.

    Examples
    --------
    >>> whole_blocks(16), whole_blocks(17)
    (16, 32)
    """
    return -(-numbers // BLOCK) * BLOCK


@runtime_checkable
class Randomness(Protocol):
    """What can say where its random numbers are, and go on from there."""

    def state(self) -> object:
        """As JSON can hold it."""

    def load(self, state: object) -> None:
        """Go on where a state was taken."""


class Stream(torch.Generator):
    """A torch generator on the CPU that a checkpoint can hold."""

    def state(self) -> list[int]:
        """Where the random numbers are."""
        return self.get_state().tolist()

    def load(self, state: list[int]) -> None:
        """Go on where a :meth:`state` was taken."""
        self.set_state(torch.tensor(state, dtype=torch.uint8))


class Sums:
    """Sums and sums of squares over sequences, one number or map of them for every name.

    Parameters
    ----------
    shapes : mapping
        From names to the shapes of what is recorded under them.

    Examples
    --------
    >>> sums = Sums({"length": ()})
    >>> sums.record("length", torch.tensor([1.0, 3.0], dtype=torch.float64))
    >>> sums.sequences += 2
    >>> [round(number.item(), 6) for number in sums.mean_and_error("length")]
    [2.0, 1.0]
    """

    def __init__(self, shapes: Mapping[Hashable, tuple[int, ...]]):
        self.sequences = 0
        self.sums = {name: torch.zeros((2, *shape), dtype=torch.float64) for name, shape in shapes.items()}

    def record(self, name: Hashable, values: Float64[Tensor, "*place sequence"]) -> None:
        """Add the values of some sequences; how many, :attr:`sequences` is told once for all names."""
        total, squares = self.sums[name]
        total += values.sum(-1)
        squares += torch.linalg.vector_norm(values, dim=-1).square()

    def mean_and_error(self, name: Hashable) -> tuple[Float64[Tensor, "*place"], Float64[Tensor, "*place"]]:
        """Mean over the sequences so far, and its standard error."""
        mean, square = self.sums[name] / self.sequences
        return mean, ((square - mean.square()).clamp(min=0) / max(self.sequences - 1, 1)).sqrt()

    def state(self) -> dict:
        """The sums as plain lists, which :meth:`load` takes back to the last bit."""
        return {"sequences": self.sequences, "sums": [values.tolist() for values in self.sums.values()]}

    def load(self, state: dict) -> None:
        """Go on from a :meth:`state` of the same names."""
        saved = [torch.tensor(values, dtype=torch.float64) for values in state["sums"]]
        self.sums = dict(zip(self.sums, saved, strict=True))
        self.sequences = state["sequences"]


def stream(
    add: Callable[[int], None],
    sums: Sums,
    randomness: Randomness,
    sequences: int,
    chunk: int,
    question: dict,
    checkpoint: Path | None = None,
) -> None:
    """Add sequences chunk by chunk until there are enough, from a checkpoint if there is one.

    Parameters
    ----------
    add : function
        Draws a number of sequences and adds them to the sums.
    sums, randomness
        What `add` changes.
    sequences, chunk : int
        How many in all, and at most at once.
    question : dict
        What is computed, as JSON can hold it: a checkpoint of anything else is refused.
    checkpoint : Path, optional
        Where the state is kept from time to time; removed at the end.

    Raises
    ------
    ValueError
        If the checkpoint is broken or another simulation's.
    """
    question = json.loads(json.dumps(question))  # as it is read back
    if checkpoint and checkpoint.exists() and not _resume(checkpoint, question, sequences, sums, randomness):
        raise ValueError(f"{files.relative(checkpoint)} is another simulation's checkpoint; move or delete it")
    kept = time.monotonic()
    while sums.sequences < sequences:
        add(min(chunk, sequences - sums.sequences))
        if checkpoint and time.monotonic() - kept > EVERY:
            state = {"question": question, "moments": sums.state(), "random": randomness.state()}
            files.write(checkpoint, json.dumps(state))
            kept = time.monotonic()
    if checkpoint:
        checkpoint.unlink(missing_ok=True)


def _resume(checkpoint: Path, question: dict, sequences: int, sums: Sums, randomness: Randomness) -> bool:
    """Go on from a checkpoint if it is this simulation's own, and say whether it is."""
    try:
        saved = json.loads(checkpoint.read_text())
        if saved["question"] != question or saved["moments"]["sequences"] > sequences:
            return False
        sums.load(saved["moments"])
        randomness.load(saved["random"])
        return True
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"broken checkpoint {files.relative(checkpoint)} ({error}); delete it to start again"
        ) from None

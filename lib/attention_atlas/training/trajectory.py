"""A training from its first step to its last: measured on the way, ended by a rule, safe to interrupt."""

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from attention_atlas import files
from attention_atlas.outcomes.retrieval_names import ENDINGS, GAPS, sides
from attention_atlas.shapes import Float, Tensor
from attention_atlas.training.retrieval import CHUNK, Training


@dataclass(frozen=True)
class Schedule:
    """How long a model is trained, and when it is measured.

    Parameters
    ----------
    steps : int
        Longest training, a positive multiple of :data:`CHUNK`.
    review : int
        Every so many steps it is asked whether the model has learned enough; a positive multiple of 10,000.
    enough : float
        Accuracy on novel classes at which a review ends the training.

    Raises
    ------
    ValueError
        If a number is none of these.

    Examples
    --------
    >>> Schedule(20_000).records()
    [0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000]
    """

    steps: int
    review: int = 100_000
    enough: float = 1.0

    def __post_init__(self):
        if self.steps < CHUNK or self.steps % CHUNK:
            raise ValueError(f"steps must be a positive multiple of {CHUNK}, got {self.steps}")
        if self.review < 10_000 or self.review % 10_000:
            raise ValueError(f"review must be a positive multiple of 10000 steps, got {self.review}")
        if not 0 < self.enough <= 1:
            raise ValueError(f"enough is an accuracy in (0, 1], got {self.enough}")

    def records(self) -> list[int]:
        """Steps of measurement: 0, then 1-2-5 from 100 to 10,000, then every 10,000, and the last."""
        early = [first * 10**power for power in (2, 3) for first in (1, 2, 5)]
        return sorted({0, self.steps} | {s for s in (*early, *range(10_000, self.steps, 10_000)) if s < self.steps})

    def is_review(self, step: int) -> bool:
        """Whether sinks are measured and an end is considered."""
        return step == self.steps or (step > 0 and step % self.review == 0)


def trajectory(
    training: Training, schedule: Schedule, test_sequences: int, maps: bool = False, checkpoint: Path | None = None
) -> list[pd.DataFrame]:
    """Train to the end and measure on the way.

    Parameters
    ----------
    training : attention_atlas.training.retrieval.Training
        At its start.
    schedule : Schedule
        How long.
    test_sequences : int
        Of each kind of test.
    maps : bool
        Whether attention maps of the end are kept.
    checkpoint : Path, optional
        Where the state is kept after every measurement; a training that finds its own there goes on from it, to the
        same numbers as without a break (on CUDA, to rounding). The caller removes it once the result is safe.

    Returns
    -------
    list of DataFrame
        For each model, columns ``step``, ``quantity``, ``layer``, ``query``, ``key`` (-1 where there is none, tokens
        and layers counted from 1) and ``value``. Quantities: ``loss`` (mean over the steps since the last record, in
        nats), the accuracies of :meth:`Training.accuracies` and their differences ``a_vs_b``; after every review and
        at the end ``received``, ``sink_wu2025``, ``sink_gu2025`` by key, and by layer, query and key ``map``, the mean
        over sequences, and ``one_map``, that of one sequence, of which ``asked`` is 1 for the tokens of the query's
        class. The first stored results have the mean only.
    """
    rows: list[list[tuple]] = [[] for _ in training.tasks]
    done = [False] * len(rows)
    if checkpoint and checkpoint.exists():
        saved = torch.load(io.BytesIO(checkpoint.read_bytes()), map_location="cpu", weights_only=True)
        training.load(saved["training"])
        rows, done = saved["rows"], saved["done"]
    for step in schedule.records():
        if (rows[0] and step <= training.steps) or all(done):
            continue
        losses = training.advance(step - training.steps).tolist() if step else [None] * len(rows)
        accuracies = training.accuracies(test_sequences)
        review = schedule.is_review(step)
        sinks = training.sinks(test_sequences) if review else [{}] * len(rows)
        mean_maps = training.mean_maps(test_sequences) if review and maps else None
        for model in (model for model, ended in enumerate(done) if not ended):
            rows[model] += _numbers(step, losses[model], accuracies[model], sinks[model])
            done[model] = step == schedule.steps or (review and accuracies[model]["in_context"] >= schedule.enough)
            if done[model] and maps:
                one, asked = training.one_map()[model]
                rows[model] += _map_rows(step, "map", mean_maps[model]) + _map_rows(step, "one_map", one)
                rows[model] += [(step, "asked", -1, -1, key, float(of)) for key, of in enumerate(asked.tolist(), 1)]
        if checkpoint:
            file = io.BytesIO()
            torch.save({"training": training.state(), "rows": rows, "done": done}, file)
            files.write(checkpoint, file.getvalue())
    return [pd.DataFrame(r, columns=["step", "quantity", "layer", "query", "key", "value"]) for r in rows]


def _numbers(step: int, loss: float | None, accuracy: dict[str, float], sinks: dict[str, Tensor]) -> list[tuple]:
    pairs = {gap + ending: sides(gap + ending) for gap in GAPS for ending in ENDINGS}
    gaps = {gap: accuracy[a] - accuracy[b] for gap, (a, b) in pairs.items() if a in accuracy}
    scalars = ({} if loss is None else {"loss": loss}) | accuracy | gaps
    by_key = [(name, key, v) for name, values in sinks.items() for key, v in enumerate(values.tolist(), 1)]
    return [(step, name, -1, -1, -1, round(value, 6)) for name, value in scalars.items()] + [
        (step, name, -1, -1, key, round(value, 6)) for name, key, value in by_key
    ]


def _map_rows(step: int, name: str, maps: Float[Tensor, "layer query key"]) -> list[tuple]:
    places = torch.cartesian_prod(*map(torch.arange, maps.shape)).tolist()
    return [(step, name, *(index + 1 for index in place), round(maps[tuple(place)].item(), 6)) for place in places]

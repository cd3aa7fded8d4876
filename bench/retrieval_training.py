"""Milliseconds per training step and model: the ensemble trainer against a DataLoader and Module in the official style.

Run it alone on a quiet machine (about 5 minutes): ``python bench/retrieval_training.py [--rounds 5 --depths 2 6 10]``.
The main task of Wu et al. 2025 (17 tokens of width 64, causal mask, batches of 128 sequences), three ways:

- official style: a Dataset that seeds, draws and joins one sequence at a time, a DataLoader, a Module, AdamW;
- module: the same Module and AdamW on sequences that the library draws in batches, to separate data from model;
- ensemble: the library's trainer, several models at once, each in a world of its own.

Every variant lives in a process of its own, on one thread; they take turns, a second each, so that a disturbance of the
machine meets all of them, and so does a float32 matrix product in this process. Times are CPU times.
"""

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from attention_atlas.executors import HUGE_PAGES
from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_sequences import training_sequences
from attention_atlas.training.retrieval import CHUNK, Training

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from plain_retrieval import PlainNetwork

TASK, BATCH = Task(), 128
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-6
OFFICIAL, MODULE, ENSEMBLE = "official style", "module", "ensemble"
PRODUCT = 2048


class OfficialStyle(Dataset):
    """One sequence per call, from a seed of its own, out of dictionaries of vectors."""

    def __init__(self):
        self.labels = {label: self.normal() for label in range(TASK.labels)}
        self.means = {name: self.normal() for name in range(TASK.classes)}
        self.class_labels = {name: random.randrange(TASK.labels) for name in range(TASK.classes)}

    def normal(self) -> torch.Tensor:
        return torch.normal(mean=torch.tensor(0), std=torch.tensor(TASK.deviation), size=(TASK.d_model,))

    def vector(self, name: int) -> torch.Tensor:
        noisy = self.means[name] + TASK.noise * self.normal()
        return (noisy / np.sqrt(1 + TASK.noise**2)).unsqueeze(0)

    def __len__(self) -> int:
        # Officially 64,000,000. The sampler makes a list of them before the first step, which is not measured here.
        return BATCH * 10_000

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        torch.random.manual_seed(index)
        np.random.seed(index)
        classes = np.random.choice(TASK.classes, size=TASK.distinct, replace=False)
        classes = np.random.permutation(np.tile(classes, TASK.burstiness))
        query = classes[np.random.choice(TASK.items, size=1)[0]]
        rows = []
        for name in classes:
            rows += [self.vector(name), self.labels[self.class_labels[name]].unsqueeze(0)]
        return torch.cat([*rows, self.vector(query)], dim=0), self.class_labels[query]


def drawn_batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches by the library, as many at once as its trainer draws."""
    generator = torch.Generator().manual_seed(0)
    world = draw_world(TASK, generator)
    while True:
        tokens, targets = training_sequences(TASK, world, CHUNK * BATCH, generator)
        yield from zip(tokens.split(BATCH), targets.split(BATCH), strict=True)


def plain_training(variant: str, depth: int, residual: bool) -> Callable[[int], None]:
    """Train a Module under autograd and AdamW for so many steps."""
    network = PlainNetwork(TASK.d_model, TASK.labels, depth, residual=residual)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    criterion = torch.nn.CrossEntropyLoss()
    official = variant == OFFICIAL
    batches = iter(DataLoader(OfficialStyle(), batch_size=BATCH, shuffle=True)) if official else drawn_batches()

    def advance(steps: int) -> None:
        for _ in range(steps):
            tokens, targets = next(batches)
            optimizer.zero_grad()
            criterion(network(tokens), targets).backward()
            optimizer.step()

    return advance


def ensemble_training(models: int, depth: int, residual: bool) -> Callable[[int], None]:
    """Train so many models by the library, each with seeds of its own."""
    model = AttentionOnly(depth=depth, residual=residual)
    seeds = [(seed, seed) for seed in range(models)]
    training = Training([model] * models, [TASK] * models, seeds, BATCH, LEARNING_RATE, WEIGHT_DECAY)
    return training.advance


def needed(depth: int, residual: bool) -> int:
    """Floating-point operations of the trainer's matrix products, for one step of one model at depth 2 or more.

    With T tokens of width d, L labels and M = W_Q W_K^T, multiplications per sequence are: in every layer but the last
    T d^2 for X M, T^2 d for its products with X, T^2 d for pooling X; with residual, in every layer but the last two
    T d^2 for the values; in the last, 2 T d for each part of its input (two with residual) and two products of one
    vector with a matrix, five with residual; then three hidden layers, d^2 each, and d L for the readout. M takes d^3
    per layer and step, and without residual the values' products, which wait, three times d^3 per layer but one.
    A product costs once more for the gradient of each of its factors that has one; the data have none. One
    multiplication with its addition is two operations. Softmax, drawing, AdamW and other passes over memory count
    nothing, and the half of a causal map that is zero counts as if it were not.
    """
    tokens, width = TASK.tokens, TASK.d_model
    projection, pairs, row = tokens * width**2, tokens**2 * width, tokens * width
    multiplications = 3 * ((8 if residual else 5) * width**2 + width * TASK.labels)
    for layer in range(depth - 1):
        multiplications += (projection + 2 * pairs) * (3 if layer else 2)
        multiplications += 3 * projection if residual and layer < depth - 2 else 0
    multiplications += 2 * row * 3
    if residual:
        multiplications += 2 * row * (3 if depth > 2 else 2)
    matrices = depth if residual else depth + 3 * (depth - 1)
    return 2 * (BATCH * multiplications + 3 * matrices * width**3)


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of a call."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def work(turns: Connection, variant: str, models: int, depth: int, residual: bool, seconds: float) -> None:
    """Be one variant: at every turn train for about so many seconds, answer CPU milliseconds per step and model."""
    torch.set_num_threads(1)
    ensemble = variant == ENSEMBLE
    advance = ensemble_training(models, depth, residual) if ensemble else plain_training(variant, depth, residual)
    advance(2 * CHUNK)
    steps = max(1, round(seconds * 1e3 / milliseconds(lambda: advance(CHUNK)))) * CHUNK
    turns.send(None)
    while turns.recv():
        turns.send(milliseconds(lambda: advance(steps)) / steps / models)


def measure(depth: int, sizes: list[int], rounds: int, seconds: float, residual: bool) -> tuple[dict, list[float]]:
    """Milliseconds of every (variant, models) and the machine's GFLOP/s, round after round."""
    context, turns = multiprocessing.get_context("spawn"), {}
    for variant, models in [(OFFICIAL, 1), (MODULE, 1), *((ENSEMBLE, models) for models in sizes)]:
        turns[variant, models], theirs = context.Pipe()
        arguments = (theirs, variant, models, depth, residual, seconds)
        if variant == ENSEMBLE:
            os.environ.setdefault(*HUGE_PAGES)  # as a sweep's workers have it
        context.Process(target=work, args=arguments, daemon=True).start()
        theirs.close()  # so that a process that died ends the run and does not hang it
        turns[variant, models].recv()  # ready: nobody sets up while another is measured
    left, right = torch.randn(2, PRODUCT, PRODUCT, generator=torch.Generator().manual_seed(0))
    spent, rates = {name: [] for name in turns}, []
    milliseconds(lambda: left @ right)
    for _ in range(rounds):
        rates.append(2 * PRODUCT**3 / milliseconds(lambda: left @ right) / 1e6)
        for name, connection in turns.items():
            connection.send(True)
            spent[name].append(connection.recv())
    for connection in turns.values():
        connection.send(False)
    return spent, rates


def spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def report(depths: list[int], sizes: list[int], rounds: int, seconds: float, residual: bool) -> None:
    heads = ("depth", "variant", "models", "CPU ms per step and model", "times official style", "times module")
    heads += ("MFLOP", "GFLOP/s", "share of the machine's rate")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for depth in depths:
        spent, rates = measure(depth, sizes, rounds, seconds, residual)
        for (variant, models), ours in spent.items():
            cells = [str(depth), variant, str(models), spread(ours, ".2f")]
            for other in (OFFICIAL, MODULE):
                times = [theirs / own for theirs, own in zip(spent[other, 1], ours, strict=True)]
                cells.append(spread(times, ".1f") if variant not in (OFFICIAL, other) else "")
            if variant == ENSEMBLE:
                operations = needed(depth, residual)
                reached = [operations / own / 1e6 for own in ours]
                cells += [f"{operations / 1e6:.0f}", spread(reached, ".1f")]
                cells.append(spread([one / rate for one, rate in zip(reached, rates, strict=True)], ".0%"))
            else:
                cells += [""] * 3
            print(f"| {' | '.join(cells)} |", flush=True)
        one = f"| {depth} | one product of {PRODUCT} x {PRODUCT} | | | | | {2 * PRODUCT**3 / 1e6:,.0f} "
        print(f"{one}| {spread(rates, '.1f')} | 100% |", flush=True)
    print(f"\nMedian (lowest to highest) of {rounds} rounds; times and shares are those within a round.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=(2, 6, 10), help="of 2 or more (default 2 6 10)")
    parser.add_argument("--models", type=int, nargs="+", default=(1, 5, 20), help="at once (default 1 5 20)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of every variant (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a measurement (default 1)")
    parser.add_argument("--residual", action="store_true", help="layers add their input to their output")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report(options.depths, options.models, options.rounds, options.seconds, options.residual)

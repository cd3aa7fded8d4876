"""What is left of catch, tag and release in trained models whose attention is made smaller. Ours.

Models learn the main setting of :mod:`attention_atlas.experiments.averaging`. Those that did are compressed without
further training: ``W_Q W_K^T`` and ``W_V W_O`` of both layers become sums of a low-rank and a sparse matrix.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.catch_criteria import LEARNED, SINK
from attention_atlas.compression import Inputs, low_rank_plus_sparse, stored_numbers
from attention_atlas.experiments import averaging
from attention_atlas.models.averager import Averager, forward
from attention_atlas.models.products import KINDS, inputs_of, products, through_readout, with_products
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Float, Tensor
from attention_atlas.tag_tests import of_last_token, to_separator
from attention_atlas.tasks.averaging import Averaging, Batch, draw
from attention_atlas.training.averaging import Training

NAME = "averaging_compression"
REVISION = 1
BUDGETS = 8  # numbers stored are whole eighths of what the matrices hold
RANKS, MIXED = range(9), range(1, 5)  # of low-rank matrices alone, and beside a sparse one
CALIBRATION_SEED = 2**31  # of the sequences from which weighted methods know their inputs; generators read 32 bits
METHODS = ("plain", "weighted")


@dataclass(frozen=True)
class Config:
    """Models to train and to compress.

    Parameters
    ----------
    d_model : int
        Width, a multiple of 8.
    steps : int
        Of training.
    first_seed, seeds : int
        Which models, at least 1; the same numbers as in :mod:`attention_atlas.experiments.averaging`.
    tests, calibration : int
        Sequences on which models are measured, and from which weighted methods know their inputs.
    learned_below : float
        Loss, as a share of the target's variance, below which a model has learned and is compressed.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    d_model: int = 8
    steps: int = 4000
    first_seed: int = 0
    seeds: int = 20
    tests: int = 1000
    calibration: int = 200
    learned_below: float = LEARNED

    def __post_init__(self):
        if self.d_model < 1 or self.d_model % BUDGETS:
            raise ValueError(f"d_model must be a multiple of {BUDGETS}, got {self.d_model}")
        if self.calibration < 1:
            raise ValueError(f"calibration must be at least 1, got {self.calibration}")
        if not self.learned_below > 0:
            raise ValueError(f"learned_below must be above 0, got {self.learned_below}")
        self.setting  # refuses the rest  # noqa: B018

    @property
    def setting(self) -> averaging.Config:
        """How the models are trained."""
        names = ("d_model", "steps", "first_seed", "seeds", "tests")
        return averaging.Config(**{name: getattr(self, name) for name in names})


TOLERANCE = 0.05  # after a few steps of training in float32 equal entries may be kept or not
CANARY = Config(steps=40, seeds=1, tests=100, calibration=50, learned_below=100.0)


def configurations(profile: str) -> dict[str, Config]:
    """Blocks of models of two widths, by name.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Blocks of 2, 4 or 20 models, trained for 40, 2,000 or 4,000 steps; in smoke every model counts as learned.

    Returns
    -------
    dict
        Name of each block to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("paper"))
    ['width-8-0', 'width-16-0', 'width-8-1']
    """
    sizes = {
        "smoke": {"seeds": 2, "steps": 40, "tests": 100, "learned_below": 100.0},
        "quick": {"seeds": 4, "steps": 2000, "tests": 500},
        "paper": {"seeds": 20},
    }[check_profile(profile)]
    return {
        f"width-{width}-{block}": Config(width, first_seed=sizes["seeds"] * block, **sizes)
        for width, block in ((8, 0), (16, 0), (8, 1))
    }


def run(config: Config) -> pd.DataFrame:
    """Train the models of one block, and compress those that have learned in every way.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        That of :func:`compressed`, with the column ``seed`` in place of ``model``; of models that have not learned
        the uncompressed row only.

    Examples
    --------
    >>> table = run(CANARY)
    >>> len(table), table["method"].unique().tolist()
    (132, ['none', 'plain', 'weighted', 'readout'])
    """
    setting = config.setting
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    training = Training(setting.averager, setting.task, seeds, setting.steps, setting.learning_rate, setting.batch)
    training.advance(config.steps)
    batch = draw(setting.task, config.tests, torch.Generator().manual_seed(averaging.TEST_SEED))
    parameters = {name: value.double() for name, value in training.parameters.items()}
    found = measure(setting.averager, parameters, batch)
    learned = (found["loss"] < config.learned_below).nonzero().squeeze(1)
    failed = uncompressed(found).iloc[[k for k in range(config.seeds) if k not in learned.tolist()]]
    tables = [failed]
    if len(learned):
        kept = {name: value[learned] for name, value in parameters.items()}
        table = compressed(setting.averager, kept, batch, calibration_batch(setting.task, config.calibration))
        tables = [table.assign(model=learned.numpy()[table["model"].to_numpy()]), failed]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "seed", table.pop("model") + config.first_seed)
    return table


def compressed(
    averager: Averager, parameters: dict[str, Float[Tensor, "..."]], batch: Batch, calibration: Batch
) -> pd.DataFrame:
    """Models as they are, and compressed in every way.

    Parameters
    ----------
    averager : Averager
        The models' shape; its width is a multiple of 8.
    parameters : dict of str to (seed, ...)
        Of the models, in float64.
    batch, calibration : Batch
        Sequences to measure on, and those from which weighted methods know their inputs.

    Returns
    -------
    DataFrame
        One row per ``model`` (from 0 on), ``product``, ``method``, ``rank`` and ``entries``. The product is ``all``, or
        the only one that was truncated, such as ``query_key_1``. The method is ``none``, ``plain`` (nearest matrices,
        largest entries), ``weighted`` (both as inputs see them, see :mod:`attention_atlas.compression`), or
        ``readout``, of the last layer's values alone, see :func:`attention_atlas.models.products.through_readout`.
        Compressed matrices keep ``rank`` and ``entries``. Columns of numbers are those of :func:`measure` and ``lost``:
        share of a product's squares that is gone, in the method's own norm; of all products their mean.
    """
    matrices = products(parameters)
    inputs = inputs_of(averager, parameters, calibration.features[None])
    tables = [uncompressed(measure(averager, parameters, batch))]
    for method, met in zip(METHODS, (None, inputs), strict=True):
        smaller = {shape: low_rank_plus_sparse(matrices, *shape, met) for shape in shapes(averager.d_model)}
        for product, shape, changed in _variants(matrices, smaller):
            shares = _lost(matrices, changed, met).flatten(1)
            found = {"lost": shares.mean(1) if product == "all" else shares.sum(1)}
            found |= measure(*with_products(averager, parameters, changed), batch)
            tables.append(_rows(product, method, *shape, found))
    matrices[:, -1, 1] = through_readout(matrices[:, -1, 1], parameters["readout"])
    read = measure(*with_products(averager, parameters, matrices), batch)
    tables.append(_rows(f"value_output_{averager.layers}", "readout", 1, 0, read))
    return pd.concat(tables, ignore_index=True)


def shapes(d_model: int) -> list[tuple[int, int]]:
    """Ranks and kept entries of all compressions of a d_model x d_model matrix.

    Parameters
    ----------
    d_model : int
        Its side, a multiple of 8.

    Returns
    -------
    list of (int, int)
        Low-rank matrices of rank 0 to 8, whatever they need; and all of rank 0 to 4 with some entries that need whole
        eighths of d_model^2 numbers, but not more than that.

    Examples
    --------
    >>> shapes(8)[:4], len(shapes(8)), len(shapes(16))
    ([(0, 0), (1, 0), (2, 0), (3, 0)], 29, 39)
    """
    whole = d_model**2
    mixed = []
    for rank in (0, *MIXED):
        alone = stored_numbers(d_model, d_model, rank, 0)
        mixed += [(rank, stored - alone) for stored in range(0, whole + 1, whole // BUDGETS) if stored > alone]
    return [(rank, 0) for rank in RANKS] + mixed


def measure(
    averager: Averager, parameters: dict[str, Float[Tensor, "..."]], batch: Batch
) -> dict[str, Float[Tensor, "seed"]]:
    """Whether models do the task, and whether the separator is a sink.

    Parameters
    ----------
    averager : Averager
        The models' shape, with one head.
    parameters : dict of str to (seed, ...)
        Of the models.
    batch : Batch
        Sequences to measure on.

    Returns
    -------
    dict
        Name to one number for each model.

        - ``loss``: mean squared error as a share of the target's variance; the best constant has 1.
        - ``attention``: of tokens after the separator on it, in the first layer.
        - ``received``: mean attention that it gets there from itself and all tokens after it; ``sink``: share of
          sequences in which that is above 0.2, which makes it a sink for Zhang et al. 2025.
        - ``mass``: share of the last token's attention in the last layer that is on tokens after the separator.
    """
    found = forward(averager, parameters, batch.features[None], last_only=True)
    error = (found.output[..., -1] - batch.target).square().mean(1)
    given, received = (part.squeeze(2) for part in to_separator(found.weights[0], batch))
    after = batch.after.to(error.dtype)
    return {
        "loss": error / batch.target.var(correction=0),
        "attention": given.mean(1),
        "received": received.mean(1),
        "sink": (received > SINK).to(error.dtype).mean(1),
        "mass": of_last_token(found.weights[-1], after),
    }


def calibration_batch(task: Averaging, sequences: int) -> Batch:
    """The sequences from which weighted methods know their inputs; none of them is measured on."""
    return draw(task, sequences, torch.Generator().manual_seed(CALIBRATION_SEED))


def uncompressed(found: dict[str, Float[Tensor, "seed"]]) -> pd.DataFrame:
    """Rows of models as they are, from what :func:`measure` found."""
    return _rows("all", "none", -1, -1, found)


def _rows(product: str, method: str, rank: int, entries: int, found: dict[str, Tensor]) -> pd.DataFrame:
    numbers = {name: [float(f"{value:.4g}") for value in values.tolist()] for name, values in found.items()}
    where = {"product": product, "method": method, "rank": rank, "entries": entries}
    return pd.DataFrame({"model": range(len(numbers["loss"])), **where, **numbers})


def _lost(matrices: Tensor, changed: Tensor, inputs: Inputs | None) -> Float[Tensor, "seed layer kind"]:
    """Share of every product's squares that is gone; with inputs squares of what these see."""

    def squares(matrix: Tensor) -> Tensor:
        seen = matrix if inputs is None else inputs.rows @ matrix @ inputs.columns
        return (seen * matrix).sum((-3, -2, -1))

    return squares(matrices - changed) / squares(matrices)


def _variants(matrices: Tensor, smaller: dict[tuple, Tensor]) -> Iterator[tuple[str, tuple[int, int], Tensor]]:
    """All products compressed alike, and one alone truncated: its name, the shape and the matrices."""
    for shape, changed in smaller.items():
        yield "all", shape, changed
    for layer in range(matrices.shape[1]):
        for kind, name in enumerate(KINDS):
            for rank in RANKS:
                one = matrices.clone()
                one[:, layer, kind] = smaller[rank, 0][:, layer, kind]
                yield f"{name}_{layer + 1}", (rank, 0), one

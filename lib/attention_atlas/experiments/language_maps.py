"""Recency or early bias in decoders that were trained on text: Paper 2's trace and score maps, and controls. Ours.

A point is one decoder, trained or with its first weights (``-untrained``), or the mean maps of the first one of a
setting (``-maps``), for pictures.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pandas as pd
import torch

from attention_atlas.decoders.map_measures import later_less, later_preferred, without_distance
from attention_atlas.decoders.maps import PANELS, WAY, Trace, trace
from attention_atlas.digits import rounded
from attention_atlas.experiments import language
from attention_atlas.intervals import mean_and_error
from attention_atlas.profiles import check_profile
from attention_atlas.relativity import left_over
from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.tasks.language import consecutive_windows

NAME = "language_maps"
REVISION = language.REVISION  # and more when this experiment changes: it measures that one's weights
SETTINGS = ("no-positions", "no-norm", "rope", "rms-norm", "post-norm", "decay")
SEEDS = 3
SHOWN = {"smoke": 12, "quick": 40, "paper": 40}
SHUFFLE_SEED, BOOTSTRAP_SEED = 0, 1
RESAMPLES = 64  # sets of windows drawn with replacement
TEXTS = ("text", "shuffled", "no start")
TOLERANCE = 0.02  # weights are trained in float32, see attention_atlas.experiments.language


@dataclass(frozen=True)
class Config(language.Config):
    """A decoder and what is kept of it.

    Parameters
    ----------
    shown : int
        The first tokens of every test window that are read, at least 4: ``<s>`` and three of the text.
    trained : bool
        Whether it is trained, or has the weights that its training starts from.
    maps : bool
        Whether mean maps are kept, or numbers.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    shown: int = 40
    trained: bool = True
    maps: bool = False

    def __post_init__(self):
        super().__post_init__()
        if not 4 <= self.shown <= self.tokens:
            raise ValueError(f"shown must be 4 to {self.tokens}, the tokens of a window, got {self.shown}")


CANARY = Config(**asdict(language.CANARY), shown=10)


def configurations(profile: str) -> dict[str, Config]:
    """Every decoder and every set of maps, by name.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How long the decoders were trained, see :mod:`attention_atlas.experiments.language`; 12, 40 or 40 tokens shown.

    Returns
    -------
    dict
        Name of each point to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown, or no corpus can be had.

    Examples
    --------
    >>> list(configurations("smoke"))[:3]
    ['no-positions-seed0', 'no-positions-seed0-untrained', 'no-positions-maps']
    """
    shown, decoders = SHOWN[check_profile(profile)], language.configurations(profile)
    found = {}
    for seed in range(SEEDS):
        for setting in SETTINGS:
            values = asdict(decoders[f"{setting}-seed{seed}"]) | {"shown": shown}
            for kind, maps in ((f"seed{seed}", False), ("maps", True)):
                if seed and maps:
                    continue
                found[f"{setting}-{kind}"] = Config(**values, maps=maps)
                found[f"{setting}-{kind}-untrained"] = Config(**values, trained=False, maps=maps)
    return found


def run(config: Config) -> pd.DataFrame:
    """Read the test windows with one decoder: as they are, in random order, and in that order without ``<s>``.

    Parameters
    ----------
    config : Config
        Which.

    Returns
    -------
    DataFrame
        Of maps: see :func:`mean_maps`. Of numbers one row per ``text`` (:data:`TEXTS`), ``layer`` (from 0 on),
        ``head`` (-1 for the mean over heads, or what has none) and ``quantity``, with its ``value`` and its
        ``standard_error`` over windows. Tokens are those after ``<s>`` but where something else is said.

        - ``recency``: :func:`~attention_atlas.decoders.map_measures.later_preferred` of the scores; ``recency_all``: of
          all tokens, ``<s>`` among them where it is; ``recency_left``: of the scores less what they are at their
          distance.
        - ``recency_map``: the preference of the map averaged over heads and windows, in which what single tokens are
          has gone; its standard error is that of 64 sets of windows drawn with replacement.
        - ``left``, ``floor``, ``share``: of the map averaged over heads and windows, see
          :func:`attention_atlas.relativity.left_over`; no standard error.
        - ``gram_NAME``, ``shorter_NAME``: of the vectors with that name (:data:`attention_atlas.decoders.maps.WAY`),
          the same preference of their inner products, and how often the later of two is the shorter.
        - ``cosine``: mean cosine of two different tokens that a layer reads.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.

    Examples
    --------
    >>> table = run(CANARY)
    >>> sorted(table["layer"].unique().tolist()), table["text"].unique().tolist()
    ([0], ['text', 'shuffled', 'no start'])
    """
    text = consecutive_windows(language.corpus_of(config).validation, config.tokens + 1, config.test_windows)
    text = text[:, : config.shown]
    weights = language.weights(config, config.trained)
    if config.maps:
        return mean_maps(trace(config.decoder, weights, text), config.positions == "none")
    mixed, rows = shuffled(text), []
    for name, windows, start in zip(TEXTS, (text, mixed, mixed[:, 1:]), (1, 1, 0), strict=True):
        rows += [(name, *row) for row in numbers(trace(config.decoder, weights, windows), start)]
    return pd.DataFrame(rows, columns=["text", "layer", "head", "quantity", "value", "standard_error"])


def shuffled(windows: Int[Tensor, "window token"]) -> Int[Tensor, "window token"]:
    """Windows with the tokens after ``<s>`` in random order, the same order every time.

    Examples
    --------
    >>> shuffled(torch.arange(4).reshape(1, 4)).sort().values
    tensor([[0, 1, 2, 3]])
    """
    places = torch.rand(windows[:, 1:].shape, generator=torch.Generator().manual_seed(SHUFFLE_SEED)).argsort(1)
    return torch.cat((windows[:, :1], windows[:, 1:].gather(1, places)), 1)


def numbers(seen: Trace, start: int = 1) -> Iterator[tuple]:
    """Rows of one text: layer, head, quantity, value, standard error; tokens before ``start`` are not measured."""
    for layer, scores in enumerate(seen.scores):
        after = scores[..., start:, start:]  # the same token begins every window, so its score tells nothing of places
        asked = {
            "recency": after,
            "recency_all": scores,
            "recency_left": torch.stack([without_distance(head) for head in after.unbind(1)], 1),
        }
        for quantity, maps in asked.items():
            found = torch.stack([later_preferred(head) for head in maps.unbind(1)])
            for head, values in [(-1, found.mean(0)), *enumerate(found)]:
                yield layer, head, quantity, *_mean(values)
        yield layer, -1, "recency_map", *_of_mean(after.mean(1).double())
        for quantity, value in _left(after.mean(1).double()).items():
            yield layer, -1, quantity, rounded(value, 4), math.nan
        read = torch.nn.functional.normalize(seen.vectors[layer, "read"][:, start:], dim=-1)
        tokens = read.shape[1]
        cosines = (read.sum(1).square().sum(-1) - tokens) / (tokens * (tokens - 1))
        yield layer, -1, "cosine", *_mean(cosines)
        for name in WAY:
            if (layer, name) in seen.vectors:
                gram = seen.gram(layer, name)[:, start:, start:]
                yield layer, -1, f"gram_{name}", *_mean(later_preferred(gram))
                yield layer, -1, f"shorter_{name}", *_mean(later_less(gram.diagonal(dim1=1, dim2=2)))


def mean_maps(seen: Trace, panels: bool) -> pd.DataFrame:
    """Means over windows, scores averaged over heads: a row for every query and key that it sees, from 0 on.

    Parameters
    ----------
    seen : Trace
        Of the windows.
    panels : bool
        Whether to keep the way from the first layer to the second too.

    Returns
    -------
    DataFrame
        Columns ``query``, ``key``, ``score_0`` and so on for every layer and, with panels, ``gram_read_0``,
        ``gram_pooled_0``, ... of :data:`attention_atlas.decoders.maps.PANELS`.
    """
    maps = {f"score_{layer}": scores.mean((0, 1)) for layer, scores in enumerate(seen.scores)}
    if panels:
        grams = [(name, layer) for kind, name, layer, _ in PANELS if kind == "gram" and layer < len(seen.scores)]
        maps |= {f"gram_{name}_{layer}": seen.gram(layer, name).mean(0) for name, layer in grams}
    query, key = torch.ones_like(maps["score_0"]).tril().nonzero().T
    columns = {name: [rounded(value, 4) for value in map[query, key].tolist()] for name, map in maps.items()}
    return pd.DataFrame({"query": query.tolist(), "key": key.tolist(), **columns})


def map_of(table: pd.DataFrame, name: str) -> Float[Tensor, "query key"]:
    """A map out of the table of :func:`mean_maps`, NaN where a query may not look.

    Parameters
    ----------
    table : DataFrame
        Of one point.
    name : str
        Of its column.

    Examples
    --------
    >>> map_of(pd.DataFrame({"query": [0, 1, 1], "key": [0, 0, 1], "score_0": [1.0, 2.0, 3.0]}), "score_0")
    tensor([[1., nan],
            [2., 3.]], dtype=torch.float64)
    """
    query, key = (torch.tensor(table[column].tolist(), dtype=torch.long) for column in ("query", "key"))
    map = torch.full((int(query.max()) + 1,) * 2, torch.nan, dtype=torch.float64)
    map[query, key] = torch.tensor(table[name].tolist(), dtype=torch.float64)
    return map


def _left(maps: Float[Tensor, "window query key"]) -> dict[str, float]:
    """What the mean map keeps without its diagonals' means, and how much of that noise can leave."""
    mean, error = maps.mean(0)[None], maps.std(0)[None] / math.sqrt(len(maps))
    return left_over(mean, error, mean)[["left", "floor", "share"]].iloc[0].to_dict()


def _of_mean(maps: Float[Tensor, "window query key"]) -> tuple[float, float]:
    """Preference of the mean map, and its standard error by the bootstrap."""
    count, source = len(maps), torch.Generator().manual_seed(BOOTSTRAP_SEED)
    drawn = torch.randint(count, (RESAMPLES, count), generator=source)
    shares = torch.zeros(RESAMPLES, count, dtype=maps.dtype).scatter_add_(
        1, drawn, (torch.ones_like(drawn) / count).to(maps)
    )
    resampled = later_preferred((shares @ maps.flatten(1)).unflatten(1, maps.shape[1:]))
    return rounded(later_preferred(maps.mean(0)[None]).item(), 4), rounded(resampled.std().item(), 4)


def _mean(values: Float[Tensor, "window"]) -> tuple[float, ...]:
    return tuple(rounded(number, 4) for number in mean_and_error(values))

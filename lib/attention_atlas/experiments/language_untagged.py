"""What trained decoders lose without the tag of a sink at the first token, or with one that tells no place. Ours."""

import dataclasses
import math
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.catch_criteria import SINK
from attention_atlas.decoders.first_token_tag import WAYS, TagEdit
from attention_atlas.decoders.layer_measures import recency
from attention_atlas.decoders.measures import AT_ONCE, decoder_records
from attention_atlas.digits import rounded
from attention_atlas.experiments import language
from attention_atlas.intervals import mean_and_error
from attention_atlas.models.decoder import Decoder, forward
from attention_atlas.shapes import Float, Int, Tensor
from attention_atlas.tasks.language import consecutive_windows
from attention_atlas.training.language import losses

NAME = "language_untagged"
REVISION = language.REVISION  # and more when this experiment changes: it measures that one's weights
SETTINGS = ("no-positions", "no-norm", "no-positions-qk-norm", "rope")
SEEDS = 3
COLUMNS = ["layer", "head", "quantity", "label", "value", "standard_error"]


@dataclass(frozen=True)
class Config(language.Config):
    """One decoder, and the text on which its tags are taken away.

    Parameters
    ----------
    windows : int
        Of the validation text, at least 2.
    least_received : float
        Mean attention on the first token above which a head is edited.

    Raises
    ------
    ValueError
        If a value is impossible.

    Notes
    -----
    All other parameters are those of :class:`attention_atlas.experiments.language.Config`.
    """

    windows: int = 200
    least_received: float = SINK

    def __post_init__(self):
        super().__post_init__()
        if self.windows < 2:
            raise ValueError(f"windows must be at least 2, got {self.windows}")
        if not 0 <= self.least_received < 1:
            raise ValueError(f"least_received must lie in [0, 1), got {self.least_received}")


TOLERANCE = 0.02  # as of the decoders
CANARY = Config(**dataclasses.asdict(language.CANARY), windows=8, least_received=0.0)


def configurations(profile: str) -> dict[str, Config]:
    """The decoders, by name, one seed of each before any second.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Which of the decoders, and how much text.

    Returns
    -------
    dict
        Named as in :mod:`attention_atlas.experiments.language`.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> list(configurations("smoke"))[:3]
    ['no-positions-seed0', 'no-norm-seed0', 'no-positions-qk-norm-seed0']
    """
    offered = language.configurations(profile)
    windows = {"smoke": 4, "quick": 40, "paper": 200}[profile]
    names = [f"{name}-seed{seed}" for seed in range(SEEDS) for name in SETTINGS]
    return {name: Config(**dataclasses.asdict(offered[name]), windows=windows) for name in names}


def run(config: Config) -> pd.DataFrame:
    """Read the same text with and without the tags.

    Parameters
    ----------
    config : Config
        Which decoder.

    Returns
    -------
    DataFrame
        One row per ``layer``, ``head`` (-1 for what belongs to all), ``quantity`` and ``label``, with its ``value`` and
        ``standard_error`` over windows:

        - ``share``: what the query of that number, from 1 on, gives to the first token; of the heads that are edited,
          those whose mean is above ``least_received``.
        - ``loss``, with the label ``as it is``, and ``more_loss`` by the way of the edit (see
          :data:`attention_atlas.decoders.first_token_tag.WAYS`), in nats per token; no edit without such heads.
        - ``recency`` of the scores of a layer, mean over heads and without the first token as a query or key, by the
          same labels.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.

    Examples
    --------
    >>> table = run(CANARY)
    >>> table[table["quantity"] == "more_loss"]["label"].tolist() == list(WAYS)
    True
    """
    decoder, weights = config.decoder, language.weights(config)
    text = consecutive_windows(language.corpus_of(config).validation, config.tokens + 1, config.windows)
    share = first_token_shares(decoder, weights, text[:, :-1])
    heads = (share.mean((2, 3)) > config.least_received).nonzero().tolist()
    rows = []
    for layer, head in heads:
        for query in (2**power for power in range(int(math.log2(config.tokens)) + 1)):
            rows.append((layer, head, "share", str(query), *mean_and_error(share[layer, head, :, query - 1])))
    plain, scores = read(decoder, weights, text)
    rows.append((-1, -1, "loss", "as it is", *mean_and_error(plain)))
    found = {"as it is": scores}
    for way in WAYS if heads else ():
        edited, found[way] = read(decoder, weights, text, heads, way)
        rows.append((-1, -1, "more_loss", way, *mean_and_error(edited - plain)))
    rows += [
        (layer, -1, "recency", way, *mean_and_error(of)) for way, each in found.items() for layer, of in enumerate(each)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = ["value", "standard_error"]
    return table.assign(**{name: table[name].map(lambda value: rounded(value, 5)) for name in numbers})


def first_token_shares(
    decoder: Decoder, weights: dict[str, Float[Tensor, "..."]], text: Int[Tensor, "window token"]
) -> Float[Tensor, "layer head window query"]:
    """What every query of every head gives to the first token.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    weights : dict of str to (1, ...)
        Of one model.
    text : (window, token)
        What it reads.

    Returns
    -------
    (layer, head, window, query)
        Weights on key 0.
    """
    found = []
    decoder_records(decoder, weights, text, lambda record: found.append(record.weights[..., 0].transpose(0, 1)))
    return torch.stack(found)


def read(
    decoder: Decoder,
    weights: dict[str, Float[Tensor, "..."]],
    text: Int[Tensor, "window next"],
    heads: list[list[int]] | None = None,
    way: str = "none",
) -> tuple[Float[Tensor, "window"], Float[Tensor, "layer window"]]:
    """Loss and recency of every window, with the tags of some heads edited.

    Parameters
    ----------
    decoder : Decoder
        The model's shape.
    weights : dict of str to (1, ...)
        Of one model.
    text : (window, token + 1)
        What it reads, and the token after it.
    heads : list of (layer, head), optional
        Whose tag of the first token is edited; none by default.
    way : str
        Of :data:`attention_atlas.decoders.first_token_tag.WAYS`.

    Returns
    -------
    (window,), (layer, window)
        Nats per token, and the recency probability of the scores, mean over heads, the first token left out.
    """
    edit = TagEdit([tuple(pair) for pair in heads or []], way, torch.Generator().manual_seed(0))
    seen = torch.ones(text.shape[1] - 2, text.shape[1] - 2, dtype=torch.bool).tril()
    lost, recent = [], []
    for part in text.split(AT_ONCE):
        found = []

        def hook(layer: int, name: str, tensor: Tensor, found: list = found) -> Tensor | None:
            if name == "scores":
                inner = tensor[0, :, :, 1:, 1:]
                found.append([sum(recency(one, seen) for one in each[:, None]) / len(each) for each in inner])
            return edit(layer, name, tensor)

        with torch.no_grad():
            lost.append(losses(forward(decoder, weights, part[None, :, :-1], hook), part[None])[0].mean(1))
        recent.append(torch.tensor(found))
    return torch.cat(lost), torch.cat(recent, 1)

"""What frequencies and the word before tell of a text: the floor under the decoders of the experiment ``language``."""

from dataclasses import asdict, dataclass

import pandas as pd

from attention_atlas.decoders.ngrams import baselines
from attention_atlas.experiments import language
from attention_atlas.tasks import corpora
from attention_atlas.tasks.tokens import UNKNOWN

NAME = "language_ngrams"
REVISION = 1
POINTS = {"standard-library": "one-layer-none-seed0", "wikitext-2": "words-none-seed0"}  # whose windows they are


@dataclass(frozen=True)
class Config:
    """A corpus, and the windows of it on which decoders are tested.

    Parameters
    ----------
    corpus, vocabulary, characters, digest, tokens, test_windows
        As of :class:`attention_atlas.experiments.language.Config`.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    corpus: str
    vocabulary: int
    characters: int | None
    digest: str
    tokens: int
    test_windows: int

    def __post_init__(self):
        self.decoders  # refuses impossible values  # noqa: B018

    @property
    def decoders(self) -> language.Config:
        """A configuration of decoders that read this text in these windows."""
        return language.Config(**asdict(self))


def configurations(profile: str) -> dict[str, Config]:
    """Both corpora, as decoders read them.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How much of the text.

    Returns
    -------
    dict
        Name of each corpus to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> configurations("paper")["wikitext-2"].vocabulary
    4096
    """
    decoders = language.configurations(profile)
    names = list(Config.__dataclass_fields__)
    return {
        name: Config(**{field: getattr(decoders[point], field) for field in names}) for name, point in POINTS.items()
    }


def run(config: Config) -> pd.DataFrame:
    """Count words and pairs of them, and what they foretell.

    Parameters
    ----------
    config : Config
        Which text.

    Returns
    -------
    DataFrame
        One row per ``part`` and ``quantity``, with its ``value``. Of the parts ``train`` and ``validation``:
        ``characters``, ``bytes`` (UTF-8) and ``tokens``. Of ``windows``, the predictions that decoders are tested on:
        ``unigram`` and ``bigram`` loss in nats per token, ``vocabulary`` (with ``<s>``), ``predictions``,
        ``bytes_per_token`` of the validation part, and the share of its tokens that are ``unknown`` words.

    Raises
    ------
    ValueError
        If the corpus here is not the one that the configuration names.
    FileNotFoundError
        If its text is not here.

    Examples
    --------
    >>> table = run(CANARY).set_index("quantity")["value"]
    >>> bool(table["bigram"] < table["unigram"])
    True
    """
    text, written, cap = language.corpus_of(config.decoders), corpora.text(config.corpus), config.characters
    rows = []
    for part, letters, tokens in (
        ("train", written.train[:cap], text.train),
        ("validation", written.validation[: cap and cap // 10], text.validation),
    ):
        sizes = {"characters": len(letters), "bytes": len(letters.encode()), "tokens": len(tokens)}
        rows += [(part, *row) for row in sizes.items()]
    unknown = text.vocabulary.index(UNKNOWN) if UNKNOWN in text.vocabulary else -1
    found = baselines(text, config.tokens + 1, config.test_windows) | {
        "vocabulary": len(text.vocabulary),
        "predictions": config.tokens * min(config.test_windows, len(text.validation) // config.tokens),
        "bytes_per_token": text.bytes_per_token,
        "unknown": (text.validation == unknown).double().mean().item(),
    }
    rows += [("windows", *row) for row in found.items()]
    return pd.DataFrame(rows, columns=["part", "quantity", "value"]).astype({"value": float})


CANARY = Config(corpus="zen", vocabulary=64, characters=None, digest=language.CANARY.digest, tokens=16, test_windows=8)

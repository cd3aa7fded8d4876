"""Where in a window sinks sit, and which tokens of the vocabulary they are."""

import torch

from attention_atlas.shapes import Bool, Float, Int, Tensor

CLASSES = ("begin", "newline", "space", "punctuation", "number", "word")
PARTS = 8  # of a window


def token_class(text: str) -> str:
    """Which kind of token a string of the vocabulary is.

    Parameters
    ----------
    text : str
        As of :attr:`attention_atlas.tasks.corpus.Corpus.vocabulary`.

    Returns
    -------
    str
        Of :data:`CLASSES`: the begin of a window; whatever holds a line break, with or without the indentation after
        it; spaces alone; signs without letter or digit (and single bytes, ``\\\\x..``); digits; the rest.

    Examples
    --------
    >>> [token_class(text) for text in ("<s>", "\\n    ", "   ", "):", "12", " self")]
    ['begin', 'newline', 'space', 'punctuation', 'number', 'word']
    """
    if text == "<s>":
        return "begin"
    if "\n" in text:
        return "newline"
    if text.isspace():
        return "space"
    if text.startswith("\\") or not any(sign.isalnum() for sign in text):
        return "punctuation"
    return "number" if text.strip().isdigit() else "word"


def classes_of(vocabulary: tuple[str, ...]) -> Int[Tensor, "token"]:
    """Place in :data:`CLASSES` of every token of a vocabulary.

    Examples
    --------
    >>> classes_of(("<s>", "a", "\\n"))
    tensor([0, 5, 1])
    """
    return torch.tensor([CLASSES.index(token_class(text)) for text in vocabulary])


def by_class(chosen: Bool[Tensor, "map token"], classes: Int[Tensor, "map token"]) -> dict[str, float]:
    """How many tokens of each kind are chosen in a map.

    Parameters
    ----------
    chosen : (map, token)
        Such as sinks; one map for each head and window.
    classes : (map, token)
        Of :func:`classes_of`.

    Returns
    -------
    dict
        Mean number for each of :data:`CLASSES`.

    Examples
    --------
    >>> by_class(torch.tensor([[True, True, False]]), torch.tensor([[0, 1, 1]]))["newline"]
    1.0
    """
    return {name: (chosen & (classes == place)).sum().item() / len(chosen) for place, name in enumerate(CLASSES)}


def by_part(chosen: Bool[Tensor, "map token"]) -> dict[str, float]:
    """How many tokens are chosen at the first place of a map and in each part of the rest.

    Parameters
    ----------
    chosen : (map, token)
        Such as sinks.

    Returns
    -------
    dict
        Mean number at ``0``, and of the later tokens in part ``1`` to ``8``, equal parts of the window as far as
        whole numbers allow it.

    Examples
    --------
    >>> by_part(torch.eye(9).bool()[[0, 8]])
    {'0': 0.5, '1': 0.0, '2': 0.0, '3': 0.0, '4': 0.0, '5': 0.0, '6': 0.0, '7': 0.0, '8': 0.5}
    """
    tokens = chosen.shape[-1]
    part = torch.arange(tokens, device=chosen.device) * PARTS // tokens + 1
    part[0] = 0
    return {str(name): chosen[:, part == name].sum().item() / len(chosen) for name in range(PARTS + 1)}


def most_frequent(
    chosen: Bool[Tensor, "map token"], tokens: Int[Tensor, "map token"], vocabulary: tuple[str, ...], count: int
) -> dict[str, float]:
    """The tokens of the vocabulary that are chosen most often.

    Parameters
    ----------
    chosen, tokens : (map, token)
        Which tokens, such as sinks; and what they are.
    vocabulary : tuple of str
        What a number stands for.
    count : int
        How many entries of it at most.

    Returns
    -------
    dict
        Mean number in a map by the string's ``repr``, falling; what is never chosen is left out.

    Examples
    --------
    >>> most_frequent(torch.tensor([[True, True, False]]), torch.tensor([[2, 2, 1]]), ("<s>", "a", "b"), 3)
    {"'b'": 2.0}
    """
    counts = torch.bincount(tokens[chosen], minlength=len(vocabulary))
    order = sorted(counts.nonzero()[:, 0].tolist(), key=lambda token: (-int(counts[token]), token))
    return {repr(vocabulary[token]): counts[token].item() / len(chosen) for token in order[:count]}


def entries_above(
    shares: Float[Tensor, "window query key"], mask: Bool[Tensor, "query key"], threshold: float
) -> Float[Tensor, "window"]:
    """Share of the allowed entries of each map that exceed a threshold.

    Examples
    --------
    >>> entries_above(torch.tensor([[[1.0, 0.0], [0.9, 0.1]]]), torch.ones(2, 2).tril().bool(), 0.2).round(decimals=4)
    tensor([0.6667])
    """
    return ((shares > threshold) & mask).sum((-2, -1)).to(shares.dtype) / mask.sum()

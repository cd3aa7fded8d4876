"""Language: corpora as numbers, kept once encoded, and the windows of them that networks read."""

import json
import platform
from collections.abc import Iterable
from pathlib import Path

import torch

from attention_atlas import files
from attention_atlas.shapes import Int, Tensor
from attention_atlas.tasks import corpora, tokens
from attention_atlas.tasks.corpus import Corpus, keep, kept

CACHE = files.ROOT / "data" / "corpora"
TOKENIZERS = {"standard-library": "byte-pair", "wikitext-2": "word", "zen": "character"}
ENCODERS = {"byte-pair": tokens.byte_pairs, "word": tokens.words, "character": tokens.characters}
LEAST_CHARACTERS = 20  # a cap so low leaves 2 characters for validation
RECORDED = (("standard-library", 1024, None), ("wikitext-2", 4096, None), ("zen", 64, None))


def corpus(name: str, vocabulary: int, characters: int | None = None, folder: Path | None = None) -> Corpus:
    """A corpus, from the cache or encoded now (and then kept).

    Parameters
    ----------
    name : {"standard-library", "wikitext-2", "zen"}
        Which; it decides the tokenizer too.
    vocabulary : int
        Numbers at most, that of ``<s>`` included.
    characters : int, optional
        Cap of the text for training, for quick looks, at least 20; a tenth of it caps the text for validation.
    folder : Path, optional
        Where the text lies, see :func:`~.corpora.text`.

    Returns
    -------
    Corpus
        Of the text of this machine. Where that cannot be read or encoded, the recorded one if the cache holds it,
        whatever machine made it.

    Raises
    ------
    ValueError
        If the name is unknown, the text is empty, or the vocabulary or the cap is too small.
    FileNotFoundError, ModuleNotFoundError
        If there is no text, or no tokenizer, and no recorded corpus in the cache.

    Examples
    --------
    >>> zen = corpus("zen", 64)
    >>> "".join(zen.vocabulary[token] for token in zen.train[:30])
    'The Zen of Python, by Tim Pete'
    """
    corpora.check_name(name)
    path = CACHE / f"{name}-{_size(vocabulary, characters)}.npz"
    before, source = kept(path)
    try:
        text, here = _text(name, characters, folder)
        if before and source == here:
            return before
        made = _encode(name, vocabulary, text)
    except (FileNotFoundError, ModuleNotFoundError):
        if before and before.digest == _digests(name).get(_size(vocabulary, characters)):
            return before
        raise
    keep(path, made, here)
    return made


def _text(name: str, characters: int | None, folder: Path | None) -> tuple[corpora.Text, str]:
    """The text of this machine up to a cap, and its digest."""
    if characters is not None and characters < LEAST_CHARACTERS:
        raise ValueError(f"characters must be at least {LEAST_CHARACTERS}, or None for all; got {characters}")
    text = corpora.text(name, folder)
    text = text._replace(train=text.train[:characters], validation=text.validation[: characters and characters // 10])
    return text, files.digest("\0".join(text[:2]).encode())


def _size(vocabulary: int, characters: int | None) -> str:
    return f"{vocabulary}-{'all' if characters is None else characters}"


def _encode(name: str, vocabulary: int, text: corpora.Text) -> Corpus:
    encoded = ENCODERS[TOKENIZERS[name]](text, vocabulary)
    return Corpus(
        name,
        TOKENIZERS[name],
        torch.from_numpy(encoded.train),
        torch.from_numpy(encoded.validation),
        encoded.vocabulary,
        len(text.validation.encode()) / len(encoded.validation),
        None if encoded.kinds is None else torch.from_numpy(encoded.kinds),
        text.origin,
    )


def windows(
    text: Int[Tensor, "token"], length: int, count: int, generator: torch.Generator
) -> Int[Tensor, "window length"]:
    """Windows at random places of a text.

    Parameters
    ----------
    text : (token,)
        A part of a corpus.
    length : int
        Tokens of a window: ``<s>`` and ``length - 1`` of the text; at least 2.
    count : int
        How many, at least 1.
    generator : torch.Generator
        Source of the places; on the CPU, so that a GPU reads the same.

    Returns
    -------
    (window, length)
        On the device of the text.

    Raises
    ------
    ValueError
        If the text is shorter than a window, or a number is too small.

    Examples
    --------
    >>> windows(torch.arange(1, 100), 4, 2, torch.Generator().manual_seed(0))
    tensor([[ 0, 58, 59, 60],
            [ 0, 83, 84, 85]])
    """
    _check(text, length, count)
    starts = torch.randint(len(text) - length + 2, (count, 1), generator=generator).to(text.device)
    return _begin(text[starts + torch.arange(length - 1, device=text.device)])


def consecutive_windows(
    text: Int[Tensor, "token"], length: int, count: int | None = None
) -> Int[Tensor, "window length"]:
    """A text from its beginning on, cut into windows that do not overlap; what does not fill one is left out.

    Parameters
    ----------
    text : (token,)
        A part of a corpus.
    length : int
        Tokens of a window: ``<s>`` and ``length - 1`` of the text; at least 2.
    count : int, optional
        How many at most; all by default.

    Returns
    -------
    (window, length)
        At least one.

    Raises
    ------
    ValueError
        If the text is shorter than a window, or a number is too small.

    Examples
    --------
    >>> consecutive_windows(torch.arange(1, 9), 4)
    tensor([[0, 1, 2, 3],
            [0, 4, 5, 6]])
    """
    _check(text, length, 1 if count is None else count)
    whole = len(text) // (length - 1)
    used = min(whole, count or whole)
    return _begin(text[: used * (length - 1)].reshape(used, length - 1))


def _begin(rows: Tensor) -> Tensor:
    return torch.nn.functional.pad(rows, (1, 0))


def _check(text: Tensor, length: int, count: int) -> None:
    if length < 2:
        raise ValueError(f"a window is {tokens.BEGIN} and at least 1 token: length must be at least 2, got {length}")
    if count < 1:
        raise ValueError(f"there must be at least 1 window, got {count}")
    if len(text) < length - 1:
        raise ValueError(f"a window of length {length} needs {length - 1} tokens of text, got {len(text)}")


def recorded(name: str, vocabulary: int, characters: int | None = None) -> str:
    """Digest of the corpus that stored results were computed from.

    Parameters
    ----------
    name, vocabulary, characters
        As of :func:`corpus`.

    Returns
    -------
    str
        16 hexadecimal digits; :func:`explain` compares it with a corpus.

    Raises
    ------
    ValueError
        If none is recorded.
    """
    corpora.check_name(name)
    known = _digests(name)
    size = _size(vocabulary, characters)
    if size not in known:
        raise ValueError(f"no digest of {name} {size} is recorded; recorded: {', '.join(known) or 'none'}")
    return known[size]


def _digests(name: str) -> dict[str, str]:
    return corpora.manifest().get(name, {}).get("digests", {})


def explain(found: Corpus, vocabulary: int, characters: int | None = None, folder: Path | None = None) -> str:
    """Why a corpus is not the recorded one, in one line.

    Parameters
    ----------
    found : Corpus
        As :func:`corpus` gave it.
    vocabulary, characters, folder
        What it was asked for.

    Returns
    -------
    str
        Empty if it is the recorded one.

    Raises
    ------
    ValueError
        If none is recorded.
    """
    before = recorded(found.name, vocabulary, characters)
    if found.digest == before:
        return ""
    why = corpora.difference(found.name, folder) or "the same files were encoded differently"
    return f"{found.digest} is not the recorded corpus {before}: {why}"


def record(sizes: Iterable[tuple[str, int, int | None]] = RECORDED) -> dict:
    """Encode corpora anew and write what they were made from, and their digests, to ``data/corpora.json``.

    Parameters
    ----------
    sizes : iterable of (str, int, int or None)
        Name, vocabulary and characters as of :func:`corpus`. Corpora of other names stay as they are recorded.

    Returns
    -------
    dict
        What was written, as :func:`~.corpora.manifest` reads it.

    Raises
    ------
    ValueError, FileNotFoundError, ModuleNotFoundError
        As :func:`corpus`, but the cache is no help; nothing is written then, and what it holds stays.
    """
    # What an older library encoded must not be taken for the same, and it may be the only copy until all are made.
    made = []
    for name, vocabulary, characters in sizes:
        text, here = _text(name, characters, None)
        made.append((_size(vocabulary, characters), _encode(name, vocabulary, text), here))
    digests: dict[str, dict[str, str]] = {}
    for size, found, here in made:
        keep(CACHE / f"{found.name}-{size}.npz", found, here)
        digests.setdefault(found.name, {})[size] = found.digest
    written = corpora.manifest() | {
        name: {"python": platform.python_version(), "files": corpora.hashes(name), "digests": new}
        for name, new in digests.items()
    }
    files.write(corpora.MANIFEST, json.dumps(written, indent=1) + "\n")
    return written

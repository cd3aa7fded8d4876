"""Tokenizers: a text as numbers, by byte pairs, words or characters. Number 0 is never in a text.

Every tokenizer learns its vocabulary from the part for training alone.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from attention_atlas.tasks.corpora import END_OF_FILE, Text, natural_language

BEGIN = "<s>"  # number 0: a window begins with it
UNKNOWN = "<unk>"
END_OF_LINE = "<eos>"


class Encoded(NamedTuple):
    """Both parts as numbers, what the numbers stand for, and a label of each token for validation, or None."""

    train: np.ndarray
    validation: np.ndarray
    vocabulary: tuple[str, ...]
    kinds: np.ndarray | None


def byte_pairs(text: Text, vocabulary: int) -> Encoded:
    """Byte-level byte-pair encoding: no text is lost, none is unknown.

    Parameters
    ----------
    text : Text
        Python files, each ended by `END_OF_FILE`, which no token crosses.
    vocabulary : int
        Numbers at most, `BEGIN` included; at least 257.

    Returns
    -------
    Encoded
        Bytes that are no whole character are printed as ``\\xe2``. Kinds: 1 where at least half of a token's bytes
        are of a comment or a string, 0 in code.

    Raises
    ------
    ValueError
        If the vocabulary is too small.
    ModuleNotFoundError
        If the package ``tokenizers`` is not installed.

    Notes
    -----
    Sennrich, Haddow and Birch 2016, in the byte-level form of GPT-2, with its rule of what a word is.
    """
    tokenizer = byte_pair_tokenizer(text.train, vocabulary)
    parts = [_files(part) for part in (text.train, text.validation)]
    learned = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    train, validation = (
        np.concatenate([np.asarray(file.ids, np.int64) + 1 for file in tokenizer.encode_batch_fast(part)])
        for part in parts
    )
    # In the library's alphabet a letter is a byte, so offsets in the text follow from the lengths of tokens.
    widths = np.array([0, *(len(token) for token, _ in learned)])
    ends = np.cumsum(widths[validation])
    of_bytes = np.repeat(natural_language(text.validation), [len(letter.encode()) for letter in text.validation])
    before = np.cumsum([0, *of_bytes])
    kinds = 2 * (before[ends] - before[ends - widths[validation]]) >= widths[validation]
    letters = _byte_letters()
    printed = (bytes(letters[letter] for letter in token).decode("utf-8", "backslashreplace") for token, _ in learned)
    return Encoded(train, validation, (BEGIN, *printed), kinds.astype(np.int64))


def byte_pair_tokenizer(text: str, vocabulary: int):
    """The tokenizer of :func:`byte_pairs`.

    Parameters
    ----------
    text : str
        What it learns from.
    vocabulary : int
        As of :func:`byte_pairs`.

    Returns
    -------
    tokenizers.Tokenizer
        Its numbers begin at 0: those of :func:`byte_pairs` are larger by 1.

    Raises
    ------
    ValueError, ModuleNotFoundError
        As :func:`byte_pairs`.
    """
    if vocabulary < 257:
        raise ValueError(f"byte pairs need a vocabulary of at least 257 (256 bytes and {BEGIN}), got {vocabulary}")
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise ModuleNotFoundError(
            "byte pairs need the package tokenizers; allowed: pip install tokenizers, "
            "or an encoded corpus from another machine in data/corpora",
            name="tokenizers",
        ) from error
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    # The library would take the letters of a special token in the text for the token, so it is not told of ours.
    trainer = trainers.BpeTrainer(vocab_size=vocabulary - 1, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_files(text), trainer)
    return tokenizer


def _files(part: str) -> list[str]:
    *whole, cut = part.split(END_OF_FILE)
    return [file + END_OF_FILE for file in whole] + [cut] * bool(cut)


def _byte_letters() -> dict[str, int]:
    # GPT-2's alphabet: bytes that print well stand for themselves, the others follow from letter 256 on.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


def words(text: Text, vocabulary: int) -> Encoded:
    """Words between spaces, and one more at the end of every line; rare ones are unknown.

    Parameters
    ----------
    text : Text
        Words between spaces, in lines.
    vocabulary : int
        Numbers at most, `BEGIN` and `UNKNOWN` included; at least 3. The most frequent words of the text for training
        are in, of equally frequent ones those that come first.

    Returns
    -------
    Encoded
        Kinds: 1 in a heading (a line between equality signs), 0 elsewhere.

    Raises
    ------
    ValueError
        If the vocabulary is too small.

    Notes
    -----
    As perplexities of WikiText-2 are reported: Merity, Xiong, Bradbury and Socher 2016. Theirs has 33,278 words.

    Examples
    --------
    >>> encoded = words(Text("a b a\\n", "a c\\n", ""), 5)
    >>> encoded.validation, encoded.vocabulary
    (array([2, 1, 4]), ('<s>', '<unk>', 'a', 'b', '<eos>'))
    """
    if vocabulary < 3:
        raise ValueError(f"words need a vocabulary of at least 3 ({BEGIN}, {UNKNOWN} and a word), got {vocabulary}")
    parts = [
        [[*line.split(), END_OF_LINE] for line in part.removesuffix("\n").split("\n")]
        for part in (text.train, text.validation)
    ]
    counts = Counter(word for line in parts[0] for word in line if word not in (BEGIN, UNKNOWN))
    known = (BEGIN, UNKNOWN, *(word for word, _ in counts.most_common(vocabulary - 2)))
    number = {word: place for place, word in enumerate(known) if place}  # `BEGIN` in a text is unknown
    train, validation = (np.array([number.get(word, 1) for line in part for word in line]) for part in parts)
    kinds = [int(line[0] == "=" == line[-2]) for line in parts[1] for _ in line]
    return Encoded(train, validation, known, np.array(kinds))


def characters(text: Text, vocabulary: int) -> Encoded:
    """Characters, in the order of Unicode.

    Parameters
    ----------
    text : Text
        Whose validation part has no character that the other has not.
    vocabulary : int
        Numbers at most, `BEGIN` included.

    Returns
    -------
    Encoded
        Without kinds.

    Raises
    ------
    ValueError
        If the vocabulary is too small.

    Examples
    --------
    >>> encoded = characters(Text("abba", "ab", ""), 3)
    >>> encoded.train, encoded.vocabulary
    (array([1, 2, 2, 1]), ('<s>', 'a', 'b'))
    """
    known = (BEGIN, *sorted(set(text.train)))
    if vocabulary < len(known):
        raise ValueError(
            f"this text needs a vocabulary of at least {len(known)} "
            f"({len(known) - 1} characters and {BEGIN}), got {vocabulary}"
        )
    number = {letter: place for place, letter in enumerate(known)}
    train, validation = (np.array([number[letter] for letter in part]) for part in (text.train, text.validation))
    return Encoded(train, validation, known, None)

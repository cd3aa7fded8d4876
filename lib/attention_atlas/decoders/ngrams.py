"""What a word's frequency, and the word before it, already tell: the floor under a trained language model."""

from typing import NamedTuple

import torch

from attention_atlas.shapes import Float64, Int, Tensor
from attention_atlas.tasks.corpus import Corpus
from attention_atlas.tasks.language import consecutive_windows

HALF = 0.5


def unigram(tokens: Int[Tensor, "token"], vocabulary: int) -> Float64[Tensor, "word"]:
    """Probability of every word by its frequency, with half a count more for each.

    Parameters
    ----------
    tokens : (token,)
        Text for training, numbers from 1 to ``vocabulary - 1``.
    vocabulary : int
        Numbers that there are; 0 begins a window and is never predicted.

    Returns
    -------
    (word,)
        Sums to 1; 0 for number 0.

    Raises
    ------
    ValueError
        If the text is empty or not of this vocabulary.

    Notes
    -----
    The estimate of Krichevsky and Trofimov 1981.

    Examples
    --------
    >>> unigram(torch.tensor([1, 1, 2]), 4)
    tensor([0.0000, 0.5556, 0.3333, 0.1111], dtype=torch.float64)
    """
    _check(tokens, vocabulary)
    counts = torch.bincount(tokens, minlength=vocabulary).double() + HALF
    counts[0] = 0
    return counts / counts.sum()


class Bigram(NamedTuple):
    """A bigram model as :func:`kneser_ney` estimates it.

    ``pairs`` are the pairs of words that occurred, each as ``previous * vocabulary + word``, in rising order;
    ``discounted`` is what each is worth by itself, ``rest`` what a previous word leaves for all words, and ``backing``
    how that is shared among them.
    """

    pairs: Int[Tensor, "pair"]
    discounted: Float64[Tensor, "pair"]
    rest: Float64[Tensor, "word"]
    backing: Float64[Tensor, "word"]

    def probability(self, previous: Int[Tensor, "*place"], word: Int[Tensor, "*place"]) -> Float64[Tensor, "*place"]:
        """Probability of a word after another, numbers above 0.

        Examples
        --------
        >>> model = kneser_ney(torch.tensor([1, 2, 1, 2, 1, 3]), 4)
        >>> model.probability(torch.tensor([1, 1, 1]), torch.tensor([1, 2, 3]))
        tensor([0.0444, 0.6444, 0.3111], dtype=torch.float64)
        """
        pair = previous * len(self.backing) + word
        place = torch.searchsorted(self.pairs, pair).clamp(max=len(self.pairs) - 1)
        own = torch.where(self.pairs[place] == pair, self.discounted[place], 0.0)
        return own + self.rest[previous] * self.backing[word]


def kneser_ney(tokens: Int[Tensor, "token"], vocabulary: int) -> Bigram:
    """Interpolated Kneser-Ney bigram.

    Parameters
    ----------
    tokens : (token,)
        Text for training, at least two numbers from 1 to ``vocabulary - 1``.
    vocabulary : int
        Numbers that there are; 0 begins a window and is never predicted.

    Returns
    -------
    Bigram
        Gives every word but 0 a probability above 0.

    Raises
    ------
    ValueError
        If the text is shorter than two tokens or not of this vocabulary.

    Notes
    -----
    Kneser and Ney 1995, interpolated as by Chen and Goodman 1998: with c(v, w) the occurrences of a pair, c(v) their
    sum over w, and N(v) the different words after v,

        p(w | v) = max(c(v, w) - D, 0) / c(v) + D N(v) / c(v) q(w).

    q is the same formula one order lower, with the number of different words before w for the count and an equal share
    of all words but 0 below it. D = n1 / (n1 + 2 n2) for each order, where n1 and n2 counts are 1 and 2 (Ney, Essen and
    Kneser 1994); *ours*: 1/2 where that is 0, for a D of 0 would forbid whatever has not been seen. A previous word
    that was never followed leaves all to q.

    Examples
    --------
    >>> model = kneser_ney(torch.tensor([1, 2, 1, 2, 1, 3]), 4)
    >>> model.probability(torch.tensor([1, 2]), torch.tensor([2, 1]))
    tensor([0.6444, 0.9333], dtype=torch.float64)
    """
    _check(tokens, vocabulary)
    if len(tokens) < 2:
        raise ValueError(f"a bigram needs a text of at least 2 tokens, got {len(tokens)}")
    pairs, counts = torch.unique(tokens[:-1] * vocabulary + tokens[1:], return_counts=True)
    counts = counts.double()  # an integer tensor less a number would be of single precision
    previous, word = pairs // vocabulary, pairs % vocabulary
    # q: how many different words a word follows, not how often it occurs.
    before = torch.bincount(word, minlength=vocabulary).double()
    discount = _discount(before)
    backing = (before - discount).clamp(min=0) / len(pairs)
    backing[1:] += discount * (before > 0).sum().item() / len(pairs) / (vocabulary - 1)
    discount = _discount(counts)
    followed = torch.zeros(vocabulary, dtype=torch.float64).index_add_(0, previous, counts)
    different = torch.bincount(previous, minlength=vocabulary).double()
    rest = torch.where(followed > 0, discount * different / followed.clamp(min=1), 1.0)
    return Bigram(pairs, (counts - discount) / followed[previous], rest, backing)


def _discount(counts: Tensor) -> float:
    once, twice = (counts == 1).sum().item(), (counts == 2).sum().item()
    return once / (once + 2 * twice) if once else HALF


def unigram_losses(
    words: Float64[Tensor, "word"], windows: Int[Tensor, "window token"]
) -> Float64[Tensor, "window prediction"]:
    """Loss of every prediction that a network makes in these windows, by frequencies.

    Parameters
    ----------
    words : (word,)
        As :func:`unigram` gives them.
    windows : (window, token)
        Each begins with 0.

    Returns
    -------
    (window, prediction)
        Nats, for every token but the first.

    Examples
    --------
    >>> unigram_losses(torch.tensor([0.0, 0.5, 0.25, 0.25]).double(), torch.tensor([[0, 1, 3]])).exp()
    tensor([[2., 4.]], dtype=torch.float64)
    """
    return -words[windows[:, 1:]].log()


def bigram_losses(
    model: Bigram, words: Float64[Tensor, "word"], windows: Int[Tensor, "window token"]
) -> Float64[Tensor, "window prediction"]:
    """Loss of every prediction that a network makes in these windows, by the word before.

    Parameters
    ----------
    model : Bigram
        As :func:`kneser_ney` gives it.
    words : (word,)
        As :func:`unigram` gives them: for the first prediction of a window, before which nothing stands.
    windows : (window, token)
        Each begins with 0.

    Returns
    -------
    (window, prediction)
        Nats, for every token but the first.

    Examples
    --------
    >>> text = torch.tensor([1, 2, 1, 2, 1, 3])
    >>> bigram_losses(kneser_ney(text, 4), unigram(text, 4), torch.tensor([[0, 1, 2]])).neg().exp()
    tensor([[0.4667, 0.6444]], dtype=torch.float64)
    """
    first = unigram_losses(words, windows[:, :2])
    return torch.cat((first, -model.probability(windows[:, 1:-1], windows[:, 2:]).log()), 1)


def baselines(corpus: Corpus, length: int, count: int | None = None) -> dict[str, float]:
    """Loss of both models on the consecutive windows of the validation text.

    Parameters
    ----------
    corpus : Corpus
        Its training part teaches them.
    length, count
        As of :func:`~.tasks.language.consecutive_windows`.

    Returns
    -------
    dict
        Nats per token of "unigram" and "bigram"; perplexities are their exponentials.

    Raises
    ------
    ValueError
        If the text is too short for a window.

    Examples
    --------
    >>> from attention_atlas.tasks.language import corpus
    >>> {name: round(loss, 2) for name, loss in baselines(corpus("zen", 64), 32).items()}
    {'unigram': 3.11, 'bigram': 2.11}
    """
    words = unigram(corpus.train, len(corpus.vocabulary))
    windows = consecutive_windows(corpus.validation, length, count)
    model = kneser_ney(corpus.train, len(corpus.vocabulary))
    return {
        "unigram": unigram_losses(words, windows).mean().item(),
        "bigram": bigram_losses(model, words, windows).mean().item(),
    }


def _check(tokens: Tensor, vocabulary: int) -> None:
    if not len(tokens) or tokens.min() < 1 or tokens.max() >= vocabulary:
        raise ValueError(f"a text must be numbers from 1 to {vocabulary - 1}, at least one")

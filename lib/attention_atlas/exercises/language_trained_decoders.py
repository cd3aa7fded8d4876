"""Checks of the exercises on the loss of a language model.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math

from attention_atlas.exercises.judge import judge

LOSS, BYTES_PER_TOKEN = 2.8, 2.5  # nats per token; of the first exercise
WORDS = 1023  # of the second: all tokens but the one that begins a window


def check_bits_per_byte(answer: float) -> str:
    """Bits per byte of a model with a loss of 2.8 nats per token, of 2.5 bytes each.

    Parameters
    ----------
    answer : float
        Bits.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_bits_per_byte(1.61583)
    'Correct: a byte has 8 bits, so an ideal coder that asks this model makes the text five times shorter'
    """
    right = LOSS / math.log(2) / BYTES_PER_TOKEN
    mistakes = {
        "these are nats: a bit is ln 2 of a nat": LOSS / BYTES_PER_TOKEN,
        "these are bits per token: a token is several bytes": LOSS / math.log(2),
        "a nat is more than a bit: divide by ln 2": LOSS * math.log(2) / BYTES_PER_TOKEN,
        "a token has several bytes, and they share its bits: divide": LOSS / math.log(2) * BYTES_PER_TOKEN,
        "this is the perplexity divided by the bytes: take the loss": math.exp(LOSS) / BYTES_PER_TOKEN,
    }
    praise = "a byte has 8 bits, so an ideal coder that asks this model makes the text five times shorter"
    return judge(answer, right, mistakes, praise, "from nats per token to bits per token to bits per byte")


def check_half_certain(answer: float) -> str:
    """Perplexity where half the tokens are foretold with certainty, the others by a guess among 1023.

    Parameters
    ----------
    answer : float
        The perplexity of the whole text.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_half_certain(1023**0.5)
    'Correct: the geometric mean of 1 and 1023; easy tokens count as much as hard ones'
    """
    mistakes = {
        "this is the mean of the two perplexities: take the mean of the losses first": (1 + WORDS) / 2,
        "half of 1023: a certain token has the perplexity 1, not 0, and losses are averaged": WORDS / 2,
        "this is the loss: the perplexity is its exponential": math.log(WORDS) / 2,
        "this is the perplexity of the guesses alone": WORDS,
        "no number 0 is ever predicted: 1023 tokens are possible, and not 1024": math.sqrt(WORDS + 1),
    }
    praise = "the geometric mean of 1 and 1023; easy tokens count as much as hard ones"
    return judge(answer, math.sqrt(WORDS), mistakes, praise, "what is the loss of each half, and their mean?", 1e-4)

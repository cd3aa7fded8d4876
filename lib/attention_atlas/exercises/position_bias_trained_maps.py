"""Checks of the exercise about attention maps of trained networks (Figure 9 of Wu et al. 2025)."""

from collections.abc import Sequence

from attention_atlas.exercises.judge import judge
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.kernels import flat_map

TOKENS = 17


def check_label_share(answer: Sequence[float]) -> str:
    """What the query takes from the labels, tokens 2, 4, ..., 16, under uniform causal attention.

    Parameters
    ----------
    answer : (float, float)
        In one layer, and in the rollout of two layers without residual.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_label_share((8 / 17, 0.4388))
    'Correct: depth alone takes weight from the labels, because token 1, which gains most, is a vector.'
    """
    if len(answer) != 2:
        raise ValueError(f"two shares are asked for, of one layer and of two, got {len(answer)}")
    one, two = flat_map(TOKENS), rollout_power(flat_map(TOKENS), 2)
    praise = "depth alone takes weight from the labels, because token 1, which gains most, is a vector."
    for number, map in zip(answer, (one, two), strict=True):
        last = map[-1]
        vectors, with_query = last[0:-1:2].sum().item(), last[0::2].sum().item()
        mistakes = {
            "these are the vectors, tokens 1, 3, ..., 15: token j of the page is column j - 1 of the tensor": vectors,
            "these are the vectors and the query, tokens 1, 3, ..., 17": with_query,
            "this shares one half among vectors and labels: the query attends to itself as well": 0.5,
        }
        if map is two:
            mistakes["this is one layer still: multiply the two maps"] = one[-1, 1::2].sum().item()
        judge(number, last[1::2].sum().item(), mistakes, praise, "sum the last row over the even tokens")
    return f"Correct: {praise}"

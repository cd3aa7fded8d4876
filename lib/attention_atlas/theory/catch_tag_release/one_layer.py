"""What one attention layer without positions cannot do, and the best that it can.

Its output at the last token is a function of that token and of the multiset of the others. So the place of [SEP] is
unknown to it. This shows that a second layer is needed, not that an attention sink is.
"""

import torch

from attention_atlas.models.averager import Averager
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.tasks.averaging import Batch, placed
from attention_atlas.theory.catch_tag_release.exact_error import expected_share

NUMBER, ANSWER = range(2)  # coordinates of the network


def witness(numbers: Float64[Tensor, "number"], separator: int, first: int, second: int) -> Batch:
    """Two sequences that one layer cannot tell apart, with different answers.

    Parameters
    ----------
    numbers : (number,)
        Of the first sequence, in their order.
    separator : int
        How many of them come before [SEP].
    first, second : int
        Which two change places in the second sequence, from 0 on: one before [SEP], and one after it but not the last.

    Returns
    -------
    Batch
        The two sequences; their targets differ by ``abs(x_first - x_second) / n``.

    Raises
    ------
    ValueError
        If the two are not on either side of [SEP], or the second is the last token.

    Notes
    -----
    Derived here. On one of the two every such predictor errs by half of the difference or more.

    Examples
    --------
    (a, SEP, b, c) and (b, SEP, a, c):

    >>> witness(torch.tensor([1.0, 5.0, 3.0]).double(), separator=1, first=0, second=1).target
    tensor([4., 2.], dtype=torch.float64)
    """
    if not 0 <= first < separator <= second < len(numbers) - 1:
        raise ValueError(
            f"with [SEP] after {separator} of {len(numbers)} numbers, one before it and one after it but not the last "
            f"change places, got {first} and {second}"
        )
    order = torch.arange(len(numbers))
    order[first], order[second] = second, first
    return placed(torch.stack((numbers, numbers[order])), torch.tensor([separator, separator]))


def best_prediction(
    features: Float64[Tensor, "batch token feature"], least_before: int = 0
) -> Float64[Tensor, "batch"]:
    """The best guess from the last number and the multiset of the others.

    Parameters
    ----------
    features : (batch, token, feature)
        Of :class:`attention_atlas.tasks.averaging.Batch`; where [SEP] stands is not looked at.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    (batch,)
        ``h x_T + (1 - h) (mean of the other numbers)`` with h = E[1/n].

    Raises
    ------
    ValueError
        If there is no other number.

    Notes
    -----
    Derived here: the conditional mean of the answer, hence the least squared error, for numbers in exchangeable order
    with [SEP] at a place that does not depend on them. Given n, the other n - 1 numbers after [SEP] are any n - 1 of
    the multiset, so that the answer is ``(x_T + (n-1) mean) / n`` on average.

    Examples
    --------
    >>> best_prediction(placed(torch.tensor([[2.0, 4.0, 6.0]]).double(), torch.tensor([0])).features)
    tensor([4.8333], dtype=torch.float64)
    """
    own, rest = _shares(features.shape[1], least_before)
    numbers = features[..., 0]
    return own * numbers[:, -1] + rest * numbers[:, :-1].sum(1)


def best_error(tokens: int, variance: float, least_before: int = 0) -> float:
    """Expected squared error of the best guess from the last number and the multiset of the others.

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included; at least 3.
    variance : float
        Of a number; they are independent and alike.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    float
        ``v (1-h) (h - (1-h) / (T-2))`` with h = E[1/n].

    Raises
    ------
    ValueError
        If there is no other number, or no place for [SEP].

    Notes
    -----
    Derived here; the mean of :func:`best_error_given` over n, summed in closed form.

    Examples
    --------
    >>> round(best_error(32, 1 / 12), 5)
    0.00732
    """
    _, rest = _shares(tokens, least_before)
    share = expected_share(tokens, least_before)
    return variance * (1 - share) * (share - rest)


def best_error_given(
    after: Float64[Tensor, "*batch"], tokens: int, variance: float, least_before: int = 0
) -> Float64[Tensor, "*batch"]:
    """The same error where n numbers come after [SEP], which the predictor does not know.

    Parameters
    ----------
    after : (*batch)
        n.
    tokens, variance, least_before
        As of :func:`best_error`.

    Returns
    -------
    (*batch)
        ``v [(1/n - h)^2 + (n-1) (1/n - r)^2 + m r^2]`` with ``r = (1-h) / (T-2)`` and ``m = T - 1 - n``: the squares of
        what the answer and the guess give to the last number, to the others after [SEP] and to those before it.

    Examples
    --------
    >>> best_error_given(torch.tensor([1.0, 2.0]).double(), tokens=3, variance=1.0)
    tensor([0.1250, 0.1250], dtype=torch.float64)
    """
    _, rest = _shares(tokens, least_before)
    own = (1 / after - expected_share(tokens, least_before)).square()
    others = (after - 1) * (1 / after - rest).square() + (tokens - 1 - after) * rest**2
    return variance * (own + others)


def best_network(tokens: int, least_before: int = 0) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """One attention layer that reaches the best guess at one length.

    Parameters
    ----------
    tokens : int
        Length of the sequences.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64: uniform attention, to which [SEP] brings a 0, and a readout that adds
        some of the last number.

    Raises
    ------
    ValueError
        If there is no other number, or no place for [SEP].

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> batch = placed(torch.tensor([[2.0, 4.0, 6.0]]).double(), torch.tensor([0]))
    >>> forward(*best_network(4), batch.features[None]).output[0, :, -1]
    tensor([4.8333], dtype=torch.float64)
    """
    own, rest = _shares(tokens, least_before)
    averager = Averager(d_model=2, d_head=1, layers=1)
    model = {name: torch.zeros(1, *shape, dtype=torch.float64) for name, shape in averager.shapes.items()}
    model["embedding"][0, 0, NUMBER] = 1
    model["value"][0, 0, 0, NUMBER, 0] = 1
    model["output"][0, 0, 0, 0, ANSWER] = tokens * rest
    model["readout"][0, NUMBER], model["readout"][0, ANSWER] = own - rest, 1
    return averager, model


def _shares(tokens: int, least_before: int) -> tuple[float, float]:
    """Of the last number, and of each of the others."""
    share = expected_share(tokens, least_before)
    if tokens < 3:
        raise ValueError(f"a multiset of other numbers needs at least 3 tokens, got {tokens}")
    return share, (1 - share) / (tokens - 2)

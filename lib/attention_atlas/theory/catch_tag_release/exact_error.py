"""How wrong the last token's weights are, exactly: on the worst numbers, and on average over random ones.

What is predicted is the sum of weight times number, [SEP] counting as the number 0; what is asked is the mean after
[SEP]. With m numbers before [SEP] and n >= 1 after it a sequence has T = m + 1 + n tokens.
"""

import torch

from attention_atlas.shapes import Float64, Int, Tensor
from attention_atlas.theory.catch_tag_release.construction import retrieval, tags


def deviations(
    weights: Float64[Tensor, "*batch token"], separator: Int[Tensor, "*batch"]
) -> Float64[Tensor, "*batch token"]:
    """Weights less those that are asked for, 1/n on each token after [SEP].

    Parameters
    ----------
    weights : (*batch, token)
        Of the last token.
    separator : (*batch)
        Place of [SEP], from 0 on.

    Returns
    -------
    (*batch, token)
        The error is the sum of these times the numbers.

    Examples
    --------
    >>> deviations(torch.full((4,), 0.25).double(), torch.tensor(1))
    tensor([ 0.2500,  0.2500, -0.2500, -0.2500], dtype=torch.float64)
    """
    tokens = weights.shape[-1]
    after = torch.arange(tokens) > separator[..., None]
    return weights - after.double() / (tokens - 1 - separator[..., None])


def worst_error(
    weights: Float64[Tensor, "*batch token"], separator: Int[Tensor, "*batch"], low: float = 0.0, high: float = 1.0
) -> Float64[Tensor, "*batch"]:
    """The largest error that any numbers in a range can cause.

    Parameters
    ----------
    weights : (*batch, token)
        Of the last token, at least 0 with sum 1.
    separator : (*batch)
        Place of [SEP], from 0 on.
    low, high : float
        The range.

    Returns
    -------
    (*batch)
        ``(high - low) TV - w_p min(-low, high)``, where TV is the sum of ``(1/n - w_j)_+`` over the tokens after [SEP]
        and w_p the weight of [SEP] itself.

    Raises
    ------
    ValueError
        If low exceeds high.

    Notes
    -----
    Derived here; attained. The deviations c_j of numbers sum to -w_p, so their negative part is TV and their positive
    part TV - w_p; the error is extreme where every number is at the end of the range that its c_j asks for. A range
    that contains 0 therefore costs (high - low) TV at most. Numbers shifted by s change the error by -s w_p: the value
    of [SEP] is not shifted with them.

    Examples
    --------
    >>> weights, place = torch.full((4,), 0.25).double(), torch.tensor(1)
    >>> worst_error(weights, place), worst_error(weights, place, 10, 11)
    (tensor(0.5000, dtype=torch.float64), tensor(3., dtype=torch.float64))
    """
    if low > high:
        raise ValueError(f"a range needs low <= high, got {low} and {high}")
    apart = (-deviations(weights, separator)).clamp(min=0).sum(-1)
    return (high - low) * apart - min(-low, high) * _at(weights, separator)


def mean_squared_error(
    weights: Float64[Tensor, "*batch token"], separator: Int[Tensor, "*batch"], mean: float, variance: float
) -> Float64[Tensor, "*batch"]:
    """Expected squared error on independent numbers of one mean and one variance.

    Parameters
    ----------
    weights : (*batch, token)
        Of the last token, with sum 1; they may not depend on the numbers.
    separator : (*batch)
        Place of [SEP], from 0 on.
    mean, variance : float
        Of a number; its law does not matter otherwise.

    Returns
    -------
    (*batch)
        ``variance * sum_{j != p} c_j^2 + mean^2 w_p^2`` with the deviations c of the weights; exact.

    Notes
    -----
    Derived here: the error has the mean ``-mean w_p``, since the deviations of numbers sum to -w_p.

    Examples
    --------
    >>> mean_squared_error(torch.full((4,), 0.25).double(), torch.tensor(1), mean=2.0, variance=1.0)
    tensor(0.4375, dtype=torch.float64)
    """
    apart, of_separator = deviations(weights, separator), _at(weights, separator)
    squares = apart.square().sum(-1) - of_separator.square()
    return variance * squares + mean**2 * of_separator.square()


def expected_error(
    tokens: int,
    beta: Float64[Tensor, "*batch"],
    gamma: Float64[Tensor, "*batch"],
    mean: float,
    variance: float,
    tagged: bool = True,
    least_before: int = 0,
) -> Float64[Tensor, "*batch"]:
    """Expected squared error of the construction, averaged over the place of [SEP].

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    beta, gamma : (*batch)
        Of :func:`attention_atlas.theory.catch_tag_release.construction.catch_tag_release`.
    mean, variance : float
        Of a number; they are independent.
    tagged : bool
        Whether layer 1 writes its tag.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    (*batch)
        An exact sum over the places, no simulation.

    Examples
    --------
    >>> expected_error(32, *torch.tensor([[40.0], [20.0]]).double(), mean=0.5, variance=1 / 12) < 1e-15
    tensor([True])
    """
    place = torch.arange(least_before, tokens - 1)
    beta, gamma = (setting[..., None].expand(*setting.shape, len(place)) for setting in (beta, gamma))
    place = place.expand(beta.shape)
    weights = retrieval(tags(tokens, place, beta) * tagged, place, gamma)
    return mean_squared_error(weights, place, mean, variance).mean(-1)


def expected_share(tokens: int, least_before: int = 0) -> float:
    """Mean of 1/n over the place of [SEP]: the share that the last number has in the answer.

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    float
        The harmonic number of N over N, where N = T - 1 - least_before is the largest n.

    Raises
    ------
    ValueError
        If there is no place for [SEP].

    Examples
    --------
    >>> expected_share(3)  # (1 + 1/2) / 2
    0.75
    """
    most = tokens - 1 - least_before
    if most < 1 or least_before < 0:
        raise ValueError(f"{tokens} tokens leave 0 to {tokens - 2} numbers before [SEP], got {least_before}")
    return sum(1 / after for after in range(1, most + 1)) / most


def reference_errors(tokens: int, mean: float, variance: float, least_before: int = 0) -> dict[str, float]:
    """Expected squared errors of three predictors that do not know where [SEP] is.

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    mean, variance : float
        Of a number; they are independent.
    least_before : int
        Numbers before [SEP] at least; its place is uniform.

    Returns
    -------
    dict of str to float
        ``constant``: the mean of a number, whatever the sequence, so this is the variance of the answer, v E[1/n].
        ``global mean``: of all numbers of the sequence, v (E[1/n] - 1/(T-1)); left without the tag at large gamma.
        ``uniform``: attention to all tokens alike, [SEP] being a 0, v (E[1/n] - (T+1)/T^2) + mean^2/T^2; at gamma = 0.

    Examples
    --------
    >>> {name: round(error, 5) for name, error in reference_errors(32, 0.5, 1 / 12).items()}
    {'constant': 0.01083, 'global mean': 0.00814, 'uniform': 0.00838}
    """
    share = expected_share(tokens, least_before)
    return {
        "constant": variance * share,
        "global mean": variance * (share - 1 / (tokens - 1)),
        "uniform": variance * (share - (tokens + 1) / tokens**2) + (mean / tokens) ** 2,
    }


def _at(weights: Tensor, separator: Tensor) -> Tensor:
    return weights.gather(-1, separator[..., None]).squeeze(-1)

"""Bounds on the errors of both constructions, with every constant explicit, for numbers in [0, 1].

With m numbers before [SEP] and n >= 1 after it a sequence has T = m + 1 + n tokens.
"""

import math

import torch

from attention_atlas.shapes import Float64, Int, Tensor


def error_bound(
    before: Int[Tensor, "*batch"],
    after: Int[Tensor, "*batch"],
    beta: Float64[Tensor, "*batch"],
    gamma: Float64[Tensor, "*batch"],
) -> Float64[Tensor, "*batch"]:
    """Bound on the construction's error for numbers in [0, 1].

    Parameters
    ----------
    before, after : (*batch)
        m and n, how many numbers come before and after [SEP].
    beta, gamma : (*batch)
        Of the construction, gamma at least 0.

    Returns
    -------
    (*batch)
        ``e^(gamma (T-1) e^-beta) - 1 + ((m + e^-gamma) / n) e^(-gamma alpha_T)``, infinite where float64 has no number
        for it. For numbers in [low, high] times ``high - low``; a range without 0 adds its distance from 0 times w_p.

    Raises
    ------
    ValueError
        If gamma is negative or a count impossible.

    Notes
    -----
    Derived here. With the tags' spread ``delta = alpha_{p+1} - alpha_T <= (T-1) e^-beta`` the weights of tokens after
    [SEP] differ by factors of at most ``e^(gamma delta)``, which makes the first term; the second is the mass on all
    others over the mass after [SEP], where the tags are at least alpha_T and that of [SEP] is at most 1.

    Examples
    --------
    >>> error_bound(*torch.tensor([[15], [16]]), *torch.tensor([[40.0], [20.0]]).double()) < 2e-9
    tensor([True])
    """
    last, _ = _ends(before, after, beta, gamma)
    spread = torch.expm1(gamma * (before + after) * (-beta).exp())
    return spread + (before + (-gamma).exp()) / after * (-gamma * last).exp()


def sharp_bound(
    before: Int[Tensor, "*batch"],
    after: Int[Tensor, "*batch"],
    beta: Float64[Tensor, "*batch"],
    gamma: Float64[Tensor, "*batch"],
) -> Float64[Tensor, "*batch"]:
    """A tighter bound on the construction's error for numbers in [0, 1]; never above 1 and never above the other.

    Parameters
    ----------
    before, after : (*batch)
        m and n, how many numbers come before and after [SEP].
    beta, gamma : (*batch)
        Of the construction, gamma at least 0.

    Returns
    -------
    (*batch)
        ``eps + (1 - eps) tanh(gamma delta / 4)`` with ``eps = a / (a + n)``, ``a = (m + e^-gamma) e^(-gamma alpha_T)``
        and ``delta = alpha_{p+1} - alpha_T``.

    Raises
    ------
    ValueError
        If gamma is negative or a count impossible.

    Notes
    -----
    Derived here. Of n shares with ratios of at most r the total variation from 1/n is at most
    ``(sqrt(r) - 1) / (sqrt(r) + 1)``, attained where a part 1/(1 + sqrt(r)) of them is large; ``r = e^(gamma delta)``.

    Examples
    --------
    >>> setting = torch.tensor([3]), torch.tensor([5]), torch.tensor([3.0]).double(), torch.tensor([2.0]).double()
    >>> sharp_bound(*setting), error_bound(*setting)
    (tensor([0.1820], dtype=torch.float64), tensor([1.3680], dtype=torch.float64))
    """
    last, spread = _ends(before, after, beta, gamma)
    return _mixed((before + (-gamma).exp()) * (-gamma * last).exp(), after, gamma * spread)


def outlier_bound(
    before: Int[Tensor, "*batch"],
    after: Int[Tensor, "*batch"],
    beta: float = 20.0,
    gamma: float = 3.0,
    separator: float = 3.0,
    tag: float = 2.0,
) -> Float64[Tensor, "*batch"]:
    """Bound on the error of the variant with an outlier, for numbers in [0, 1] of which one at least is before [SEP].

    Parameters
    ----------
    before, after : (*batch)
        m and n, both at least 1.
    beta, gamma, separator, tag : float
        Of :func:`attention_atlas.theory.catch_tag_release.construction.outlier_tag`; s is separator, v is tag.

    Returns
    -------
    (*batch)
        ``eps + (1 - eps) tanh(gamma tau v (1+s) delta / 4)`` with ``eps = a / (a + n)`` and
        ``a = m e^(-gamma tau v (1+s) alpha_T) + e^(-gamma tau (1+s) (v (alpha_T - k) - 1))``; tau is the tag coordinate
        of the last token, delta the spread of alpha after [SEP], and ``k = e^(-beta s (1+s))``.

    Raises
    ------
    ValueError
        If a count is below 1, gamma is negative, or tau is not positive, so that the last token avoids its like.

    Notes
    -----
    Derived here. Small where v > 1 and v s > 1 and beta and gamma are large.

    Examples
    --------
    >>> outlier_bound(torch.tensor([1, 15]), torch.tensor([30, 16])) < 1e-20
    tensor([True, True])
    """
    reach, k = tag * (1 + separator), math.exp(-beta * separator * (1 + separator))
    strength = torch.tensor(beta * (1 + separator), dtype=torch.float64)
    if (before < 1).any():
        raise ValueError(f"the variant needs a number before [SEP], got {before.min().item()}")
    last, spread = _ends(before, after, strength, torch.tensor(gamma, dtype=torch.float64))
    own = reach * last - 1 - tag
    if (own <= 0).any():
        raise ValueError(f"the last token must have a positive tag, got {own.min().item():g}: raise beta, s or v")
    pull = gamma * own  # logit of a tag of 1 in layer 2
    others = before * (-pull * reach * last).exp() + (-pull * (reach * (last - k) - 1 - separator)).exp()
    return _mixed(others, after, pull * reach * spread)


def outlier_kept(
    tokens: int, beta: float = 20.0, gamma: float = 3.0, separator: float = 3.0, tag: float = 2.0
) -> float:
    """Most that the variant answers if [SEP] comes first, as a multiple of the right answer, for numbers of one sign.

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    beta, gamma, separator, tag : float
        Of :func:`attention_atlas.theory.catch_tag_release.construction.outlier_tag`.

    Returns
    -------
    float
        ``(T-1) e^(-gamma tau (1+s))``, tau being the tag coordinate of the last token: next to nothing.

    Raises
    ------
    ValueError
        If tau is not positive.

    Notes
    -----
    Derived here. Without a token before it [SEP] attends to itself, and its coordinate exceeds those of numbers by 1+s.

    Examples
    --------
    >>> outlier_kept(32) < 1e-23
    True
    """
    own = tag * (1 + separator) / (1 + (tokens - 1) * math.exp(-beta * (1 + separator))) - 1 - tag
    if own <= 0:
        raise ValueError(f"the last token must have a positive tag, got {own:g}: raise beta, s or v")
    return (tokens - 1) * math.exp(-gamma * own * (1 + separator))


def _ends(before, after, beta, gamma):
    """The tag of the last token, and by how much that of the first token after [SEP] exceeds it."""
    if (gamma < 0).any() or (before < 0).any() or (after < 1).any():
        least = f"{before.min().item()}, {after.min().item()} and {gamma.min().item():g}"
        raise ValueError(f"bounds need before >= 0, after >= 1 and gamma >= 0, got at least {least}")
    last, first = (torch.sigmoid(beta - earlier.double().log()) for earlier in (before + after, before + 1))
    return last, first * last * (after - 1) * (-beta).exp()  # of two tags near 1 a subtraction would leave nothing


def _mixed(others, after, log_ratio):
    """Total variation at most: mass on other tokens in units of the least after [SEP], and how far these are apart."""
    missed = others / (others + after)
    return missed + (1 - missed) * torch.tanh(log_ratio / 4)

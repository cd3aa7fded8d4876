"""Two transformers written by hand that average the numbers after [SEP], and the weights that they give, exactly.

Layer 1 catches: every token after [SEP] attends to it, and is tagged by what [SEP] writes. Layer 2 retrieves: the last
token attends to tagged tokens. Places of tokens are counted from 0 in arguments; formulas count tokens from 1.
"""

import torch

from attention_atlas.models.averager import Averager
from attention_atlas.shapes import Float64, Int, Tensor

NUMBER, CONSTANT, SEPARATOR, TAG, ANSWER = range(5)  # coordinates of the construction
PLAIN_NUMBER, PLAIN_TAG, PLAIN_ANSWER = range(3)  # of the variant, in which [SEP] is an outlier of the tag


def catch_tag_release(
    beta: float | Float64[Tensor, "seed"], gamma: float | Float64[Tensor, "seed"]
) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """Two layers whose four products of matrices have rank one.

    Parameters
    ----------
    beta : float or (seed,)
        How strongly tokens attend to [SEP] in layer 1: the logit.
    gamma : float or (seed,)
        How strongly the last token attends to tagged tokens in layer 2: the logit of a whole tag.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64, one model for each pair.

    Notes
    -----
    Derived here, for the task of Zhang et al. 2025. In the basis number, constant, [SEP], tag, answer (rows):
    layer 1 has ``Q K^T = beta e_const e_sep^T`` and ``V O = e_sep e_tag^T``; layer 2
    ``Q K^T = gamma e_const (e_tag - 2 e_sep)^T`` and ``V O = e_num e_answer^T``; the answer is read from e_answer.
    The 2 takes [SEP] below untagged tokens, since its own tag is at most 1.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.averaging import placed
    >>> batch = placed(torch.tensor([[9.0, 1.0, 2.0]]).double(), torch.tensor([1]))
    >>> forward(*catch_tag_release(40, 20), batch.features[None]).output[0, :, -1]
    tensor([1.5000], dtype=torch.float64)
    """
    beta, gamma = _pairs(beta, gamma)
    model = _empty(d_model=5, seeds=len(beta))
    for feature, coordinate in enumerate((NUMBER, CONSTANT, SEPARATOR)):
        model["embedding"][:, feature, coordinate] = 1
    model["query"][:, 0, 0, CONSTANT, 0] = beta
    model["key"][:, 0, 0, SEPARATOR, 0] = 1
    model["value"][:, 0, 0, SEPARATOR, 0] = 1
    model["output"][:, 0, 0, 0, TAG] = 1
    model["query"][:, 1, 0, CONSTANT, 0] = gamma
    model["key"][:, 1, 0, TAG, 0], model["key"][:, 1, 0, SEPARATOR, 0] = 1, -2
    model["value"][:, 1, 0, NUMBER, 0] = 1
    model["output"][:, 1, 0, 0, ANSWER] = 1
    model["readout"][:, ANSWER] = 1
    return Averager(d_model=5, d_head=1), model


def outlier_tag(
    beta: float | Float64[Tensor, "seed"] = 20.0,
    gamma: float | Float64[Tensor, "seed"] = 3.0,
    separator: float | Float64[Tensor, "seed"] = 3.0,
    tag: float | Float64[Tensor, "seed"] = 2.0,
) -> tuple[Averager, dict[str, Float64[Tensor, "..."]]]:
    """The variant in which [SEP] is an outlier of one coordinate: a number is (x, -1), [SEP] is (0, separator).

    Parameters
    ----------
    beta, gamma : float or (seed,)
        Strength of attention in layer 1, which seeks the opposite sign, and in layer 2, which seeks the same sign.
    separator : float or (seed,)
        The outlier, s.
    tag : float or (seed,)
        Factor v with which layer 1 copies the coordinate.

    Returns
    -------
    (Averager, dict)
        The model and its parameters in float64, one model for each quadruple.

    Notes
    -----
    Derived here. In the basis number, tag, answer: layer 1 has ``Q K^T = -beta e_tag e_tag^T`` and
    ``V O = v e_tag e_tag^T``; layer 2 ``Q K^T = gamma e_tag e_tag^T`` and ``V O = e_num e_answer^T``. It fails if [SEP]
    comes first, see :func:`outlier_retrieval`.

    Examples
    --------
    >>> from attention_atlas.models.averager import forward
    >>> from attention_atlas.tasks.averaging import placed
    >>> batch = placed(torch.tensor([[9.0, 1.0, 2.0], [9.0, 1.0, 2.0]]).double(), torch.tensor([1, 0]))
    >>> forward(*outlier_tag(), batch.features[None]).output[0, :, -1]
    tensor([1.5000e+00, 1.0508e-25], dtype=torch.float64)
    """
    beta, gamma, separator, tag = _pairs(beta, gamma, separator, tag)
    model = _empty(d_model=3, seeds=len(beta))
    model["embedding"][:, 0, PLAIN_NUMBER] = 1
    model["embedding"][:, 1, PLAIN_TAG] = -1
    model["embedding"][:, 2, PLAIN_TAG] = separator + 1
    model["query"][:, 0, 0, PLAIN_TAG, 0], model["query"][:, 1, 0, PLAIN_TAG, 0] = -beta, gamma
    model["key"][:, :, 0, PLAIN_TAG, 0] = 1
    model["value"][:, 0, 0, PLAIN_TAG, 0], model["value"][:, 1, 0, PLAIN_NUMBER, 0] = 1, 1
    model["output"][:, 0, 0, 0, PLAIN_TAG], model["output"][:, 1, 0, 0, PLAIN_ANSWER] = tag, 1
    model["readout"][:, PLAIN_ANSWER] = 1
    return Averager(d_model=3, d_head=1), model


def without_tag(parameters: dict[str, Float64[Tensor, "..."]]) -> dict[str, Float64[Tensor, "..."]]:
    """A copy of a model in which layer 1 attends as before but writes nothing: the control.

    Parameters
    ----------
    parameters : dict
        Of any model of :mod:`attention_atlas.models.averager`.

    Returns
    -------
    dict
        With the value matrices of layer 1 set to zero.

    Examples
    --------
    >>> without_tag(catch_tag_release(40, 20)[1])["value"].count_nonzero().item()
    1
    """
    value = parameters["value"].clone()
    value[:, 0] = 0
    return {**parameters, "value": value}


def tags(
    tokens: int, separator: Int[Tensor, "*batch"], beta: Float64[Tensor, "*batch"]
) -> Float64[Tensor, "*batch token"]:
    """How much tag every token carries after layer 1: its attention to [SEP].

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    separator : (*batch)
        Place of [SEP], from 0 on; broadcast against beta.
    beta : (*batch)
        Its logit in layer 1.

    Returns
    -------
    (*batch, token)
        ``alpha_i = e^beta / (e^beta + i - 1)`` from [SEP] on, 0 before it (i counts from 1).

    Raises
    ------
    ValueError
        If [SEP] has no number after it.

    Notes
    -----
    Derived here; exact. ``1 - alpha_i <= (i - 1) e^-beta``.

    Examples
    --------
    >>> tags(4, torch.tensor(1), torch.tensor(0.0).double())
    tensor([0.0000, 0.5000, 0.3333, 0.2500], dtype=torch.float64)
    """
    place = _places(tokens, separator)
    earlier = torch.arange(tokens, dtype=torch.float64)
    return torch.sigmoid(beta[..., None] - earlier.log()) * (earlier >= place)


def retrieval(
    tagged: Float64[Tensor, "*batch token"], separator: Int[Tensor, "*batch"], gamma: Float64[Tensor, "*batch"]
) -> Float64[Tensor, "*batch token"]:
    """Attention of the last token in layer 2 of :func:`catch_tag_release`.

    Parameters
    ----------
    tagged : (*batch, token)
        Tags after layer 1, of :func:`tags`; zeros are the control without a tag.
    separator, gamma : (*batch)
        Place of [SEP], from 0 on, and the logit of a whole tag.

    Returns
    -------
    (*batch, token)
        ``softmax_j of gamma (tag_j - 2 [j = p])``.

    Raises
    ------
    ValueError
        If [SEP] has no number after it.

    Examples
    --------
    >>> place, gamma = torch.tensor(1), torch.tensor(50.0).double()
    >>> retrieval(tags(4, place, gamma), place, gamma)
    tensor([9.6437e-23, 1.8600e-44, 5.0000e-01, 5.0000e-01], dtype=torch.float64)
    """
    tokens = tagged.shape[-1]
    is_separator = (torch.arange(tokens) == _places(tokens, separator)).double()
    return (gamma[..., None] * (tagged - 2 * is_separator)).softmax(-1)


def outlier_tags(
    tokens: int, place: Int[Tensor, "*batch"], beta: float, separator: float = 3.0, tag: float = 2.0
) -> Float64[Tensor, "*batch token"]:
    """The tag coordinate of every token after layer 1 of :func:`outlier_tag`.

    Parameters
    ----------
    tokens : int
        Length of the sequence, [SEP] included.
    place : (*batch)
        Place of [SEP], from 0 on.
    beta, separator, tag : float
        Of the model: beta, s and v.

    Returns
    -------
    (*batch, token)
        ``-(1+v)`` before [SEP], ``s - v + v (1+s) kappa`` at it, ``-(1+v) + v (1+s) alpha_i`` after it, with
        ``alpha_i = 1 / (1 + (i-1) e^(-beta (1+s)))`` and ``kappa = 1 / (1 + m e^(beta s (1+s)))``.

    Raises
    ------
    ValueError
        If [SEP] has no number after it.

    Notes
    -----
    Derived here; exact. [SEP] seeks numbers and finds m of them before it. If it comes first it finds only itself:
    then kappa = 1 and its own coordinate is the largest of all.

    Examples
    --------
    >>> outlier_tags(4, torch.tensor([1, 0]), beta=20.0)
    tensor([[-3.,  1.,  5.,  5.],
            [ 9.,  5.,  5.,  5.]], dtype=torch.float64)
    """
    where, earlier = _places(tokens, place), torch.arange(tokens, dtype=torch.float64)
    alpha = torch.sigmoid(beta * (1 + separator) - earlier.log())
    kappa = torch.sigmoid(-beta * separator * (1 + separator) - where.double().log())
    numbers = -(1 + tag) + tag * (1 + separator) * alpha * (earlier > where)
    return torch.where(earlier == where, separator - tag + tag * (1 + separator) * kappa, numbers)


def outlier_retrieval(tagged: Float64[Tensor, "*batch token"], gamma: float) -> Float64[Tensor, "*batch token"]:
    """Attention of the last token in layer 2 of :func:`outlier_tag`.

    Parameters
    ----------
    tagged : (*batch, token)
        Tag coordinates after layer 1, of :func:`outlier_tags`.
    gamma : float
        Strength of layer 2.

    Returns
    -------
    (*batch, token)
        ``softmax_j of gamma tag_T tag_j``.

    Examples
    --------
    >>> outlier_retrieval(outlier_tags(4, torch.tensor([1, 0]), beta=20.0), gamma=3.0).round(decimals=2)
    tensor([[0.0000, 0.0000, 0.5000, 0.5000],
            [1.0000, 0.0000, 0.0000, 0.0000]], dtype=torch.float64)
    """
    return (gamma * tagged[..., -1:] * tagged).softmax(-1)


def _pairs(*settings: float | Tensor) -> tuple[Tensor, ...]:
    """Settings as one number for every model."""
    return torch.broadcast_tensors(*(torch.as_tensor(setting, dtype=torch.float64).reshape(-1) for setting in settings))


def _empty(d_model: int, seeds: int) -> dict[str, Tensor]:
    shapes = Averager(d_model=d_model, d_head=1).shapes
    return {name: torch.zeros(seeds, *shape, dtype=torch.float64) for name, shape in shapes.items()}


def _places(tokens: int, separator: Int[Tensor, "*batch"]) -> Int[Tensor, "*batch 1"]:
    if separator.min() < 0 or separator.max() > tokens - 2:
        low, high = separator.min().item(), separator.max().item()
        raise ValueError(f"[SEP] among {tokens} tokens stands at 0 to {tokens - 2}, got {low} to {high}")
    return separator[..., None]

"""How a position enters attention: a bias that decays with distance, a rotation (RoPE), or an added wave."""

import torch

from attention_atlas.shapes import Float, Float64, Int, Tensor


def decay_bias(tokens: int, slope: float) -> Float64[Tensor, "query key"]:
    """Bias that lowers a logit in proportion to how far back the key lies.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    slope : float
        Loss of logit per token of distance, at least 0 (m in Wu et al. 2025); 0 is no bias.

    Returns
    -------
    (query, key)
        ``-(query - key) * slope`` on and below the diagonal, 0 above it, where the causal mask decides.

    Raises
    ------
    ValueError
        If the slope is negative or not finite, or there are no tokens.

    Notes
    -----
    The decay mask D of Wu et al. 2025, Section 3: D_ij = -(i - j) m for j <= i, added to the logits (ALiBi,
    Press et al. 2022, has one slope per head). Their experiments take m = -log 0.8.

    Examples
    --------
    >>> decay_bias(3, slope=0.5)
    tensor([[ 0.0000,  0.0000,  0.0000],
            [-0.5000,  0.0000,  0.0000],
            [-1.0000, -0.5000,  0.0000]], dtype=torch.float64)
    """
    if tokens < 1:
        raise ValueError(f"decay_bias needs at least 1 token, got {tokens}")
    if not 0 <= slope < float("inf"):
        raise ValueError(f"the slope of a decay bias must be a finite number of at least 0, got {slope}")
    index = torch.arange(tokens, dtype=torch.float64)
    return slope * (index[None, :] - index[:, None]).clamp(max=0)


def rope_frequencies(d_head: int, base: float = 10000.0) -> Float64[Tensor, "pair"]:
    """Angle per token by which RoPE turns each pair of coordinates.

    Parameters
    ----------
    d_head : int
        Dimension of the queries and keys, even and at least 2.
    base : float
        Ratio of the fastest to the (never reached) slowest angle, above 0.

    Returns
    -------
    (pair,)
        ``base ** (-2 l / d_head)`` radians per token for l = 0 .. d_head / 2 - 1; the first is always 1.

    Raises
    ------
    ValueError
        If the dimension is odd or below 2, or the base is not positive.

    Notes
    -----
    Wu et al. 2025, Section 3: theta_l = 10000^{-2(l-1)/d} with l from 1 (Su et al. 2024).

    Examples
    --------
    >>> rope_frequencies(4, base=100.0)
    tensor([1.0000, 0.1000], dtype=torch.float64)
    """
    if d_head < 2 or d_head % 2:
        raise ValueError(f"coordinates are paired, so the dimension must be even and at least 2, got {d_head}")
    if not 0 < base < float("inf"):
        raise ValueError(f"the base must be a finite number above 0, got {base}")
    return base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)


def rope(
    x: Float[Tensor, "*batch tokens d_head"],
    frequencies: Float[Tensor, "pair"],
    positions: Int[Tensor, "tokens"] | Float[Tensor, "tokens"] | None = None,
) -> Float[Tensor, "*batch tokens d_head"]:
    """Turn each pair of coordinates by an angle proportional to the token's position.

    Parameters
    ----------
    x : (*batch, tokens, d_head)
        Queries or keys.
    frequencies : (pair,)
        Radians per token, one for each of the d_head / 2 pairs, for instance ``rope_frequencies(d_head)``.
    positions : (tokens,), optional
        Position of each token; 0, 1, 2, ... by default.

    Returns
    -------
    (*batch, tokens, d_head)
        Coordinates (2l, 2l + 1) of token i rotated by ``positions[i] * frequencies[l]``; lengths are kept.

    Raises
    ------
    ValueError
        If the dimension is odd, or there is not one frequency per pair or one position per token.

    Notes
    -----
    Wu et al. 2025, Section 3 (Su et al. 2024). The product of a rotated query and a rotated key depends on their
    positions through the difference only. Neighbouring coordinates form a pair, as in the original; several
    language models pair coordinate l with l + d_head / 2 instead, see :func:`rope_half_split`.

    Examples
    --------
    A quarter turn per token:

    >>> rope(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([torch.pi / 2])).round(decimals=3) + 0
    tensor([[1., 0.],
            [0., 1.]])
    """
    cos, sin = _turns(x, frequencies, positions)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


def rope_logits_by_distance(
    query: Float[Tensor, "d_head"], key: Float[Tensor, "d_head"], frequencies: Float[Tensor, "pair"], reach: int
) -> Float[Tensor, "distance"]:
    """Logits of one query on copies of one key, 0, 1, 2, ... tokens back, under RoPE.

    Parameters
    ----------
    query, key : (d_head,)
        The vectors before they are rotated.
    frequencies : (pair,)
        Radians per token, as of :func:`rope_frequencies`.
    reach : int
        Largest distance in tokens, at least 0.

    Returns
    -------
    (distance,)
        Inner products of the rotated vectors divided by sqrt(d_head).

    Raises
    ------
    ValueError
        If the reach is negative or the frequencies do not fit, see :func:`rope`.

    Examples
    --------
    >>> rope_logits_by_distance(torch.ones(2), torch.ones(2), torch.tensor([torch.pi]), reach=1)
    tensor([ 1.4142, -1.4142])
    """
    if reach < 0:
        raise ValueError(f"reach must be at least 0 tokens, got {reach}")
    queries, keys = (rope(vector.expand(reach + 1, -1), frequencies) for vector in (query, key))
    return (keys @ queries[-1] / len(query) ** 0.5).flip(0)


def rope_half_split(
    x: Float[Tensor, "*batch tokens d_head"],
    frequencies: Float[Tensor, "pair"],
    positions: Int[Tensor, "tokens"] | Float[Tensor, "tokens"] | None = None,
) -> Float[Tensor, "*batch tokens d_head"]:
    """RoPE in the convention of Llama: coordinate l is paired with l + d_head / 2, and not with its neighbour.

    Parameters
    ----------
    x, frequencies, positions
        As of :func:`rope`.

    Returns
    -------
    (*batch, tokens, d_head)
        Coordinates (l, l + d_head / 2) of token i rotated by ``positions[i] * frequencies[l]``; lengths are kept.

    Raises
    ------
    ValueError
        As :func:`rope`.

    Notes
    -----
    Kim et al. 2026, official code (concept/simulation_rope.ipynb at 4aaf9e8) imports this rotation from Llama. It is
    :func:`rope` up to the order of the coordinates.

    Examples
    --------
    A quarter turn of the first pair, coordinates 0 and 2:

    >>> x, frequencies = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 5.0, 0.0, 0.0]]), torch.tensor([torch.pi / 2, 0.0])
    >>> rope_half_split(x, frequencies)[1].round(decimals=3) + 0
    tensor([0., 5., 1., 0.])
    """
    cos, sin = _turns(x, frequencies, positions)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


def _turns(x: Tensor, frequencies: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every token's and pair's angle, in x's dtype."""
    tokens, d_head = x.shape[-2:]
    if d_head % 2 or len(frequencies) != d_head // 2:
        raise ValueError(f"rope needs an even d_head and d_head / 2 frequencies, got {d_head} and {len(frequencies)}")
    if positions is None:
        positions = torch.arange(tokens, device=x.device)
    elif len(positions) != tokens:
        raise ValueError(f"rope needs one position per token, got {len(positions)} for {tokens} tokens")
    # In float64 before the rounding to x's dtype: an angle of 10,000 radians has no useful digits left in float16.
    angle = positions.double()[:, None] * frequencies.double()
    return angle.cos().to(x.dtype), angle.sin().to(x.dtype)


def sinusoidal(tokens: int, d_model: int, base: float = 10000.0) -> Float64[Tensor, "tokens d_model"]:
    """Waves of falling frequency, one pair of coordinates each, to be added to the token embeddings.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    d_model : int
        Dimension of the embeddings, even and at least 2.
    base : float
        As in :func:`rope_frequencies`.

    Returns
    -------
    (tokens, d_model)
        ``sin(i theta_l)`` at coordinate 2l and ``cos(i theta_l)`` at 2l + 1, positions i from 0.

    Raises
    ------
    ValueError
        If there are no tokens, the dimension is odd or below 2, or the base is not positive.

    Notes
    -----
    Vaswani et al. 2017, Section 3.5; the "sin PE" of Wu et al. 2025, Section 5. Its frequencies are those of RoPE.

    Examples
    --------
    >>> sinusoidal(2, 2)
    tensor([[0.0000, 1.0000],
            [0.8415, 0.5403]], dtype=torch.float64)
    """
    if tokens < 1:
        raise ValueError(f"sinusoidal needs at least 1 token, got {tokens}")
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * rope_frequencies(d_model, base)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2)

"""Checks for the exercises of the Foundations chapter.

Every check computes the right answer itself, from the library, and compares. A wrong answer raises ValueError; if it is
one that a likely mistake produces, the message names the mistake.
"""

import math

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.masks import Mask, center_nodes, steps_from
from attention_atlas.metrics import entropy
from attention_atlas.rollout import rollout
from attention_atlas.shapes import Float, Tensor
from attention_atlas.sinks import attention_received
from attention_atlas.theory.position_bias.kernels import flat_map


def check_mean_entropy(answer: float, tokens: int) -> str:
    """Check the mean entropy of the rows of uniform causal attention.

    Parameters
    ----------
    answer : float
        In nats.
    tokens : int
        Length of the sequence, at least 3 (below, mistakes and answer coincide).

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    Row i has entropy log i, so the mean is log(N!) / N. *Ours.*

    Examples
    --------
    >>> check_mean_entropy(math.log(6) / 3, tokens=3)
    'Correct: log(N!) / N = 0.5973 nats'
    """
    right = entropy(flat_map(tokens)).mean().item()
    mistakes = {
        "that is the entropy of the last row only; token i averages i tokens": math.log(tokens),
        "that is in bits; the book counts in nats, so use the natural logarithm": right / math.log(2),
        "that is the sum over the rows; divide by their number": right * tokens,
        "the first row counts too, with entropy 0: divide by N and not by N - 1": right * tokens / (tokens - 1),
    }
    return judge(answer, right, mistakes, f"log(N!) / N = {right:.4f} nats")


def check_received_by_first(answer: float, tokens: int) -> str:
    """Check the mean attention that token 1 receives under uniform causal attention.

    Parameters
    ----------
    answer : float
        A share between 0 and 1.
    tokens : int
        Length of the sequence, at least 3.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    (1 + 1/2 + ... + 1/N) / N, which for N = 17 exceeds the threshold 0.2 of an attention sink. *Ours.*

    Examples
    --------
    >>> check_received_by_first((1 + 1 / 2 + 1 / 3) / 3, tokens=3)
    'Correct: (1 + 1/2 + ... + 1/N) / N = 0.6111'
    """
    weights = flat_map(tokens)
    right = attention_received(weights, weights > 0)[0].item()
    mistakes = {
        "that is the sum over the queries; divide by the number of queries that see token 1": right * tokens,
        "that is what the last query alone gives; average over all queries": 1 / tokens,
        "query 1 counts too: it gives token 1 everything": (right * tokens - 1) / tokens,
        "all N queries see token 1, its own included: divide by N": (right * tokens - 1) / (tokens - 1),
    }
    return judge(answer, right, mistakes, f"(1 + 1/2 + ... + 1/N) / N = {right:.4f}")


def check_center_nodes(nodes: list[int], layers: int, mask: Mask, tokens: int) -> str:
    """Check the center nodes of a mask and how many layers they need to reach everyone.

    Parameters
    ----------
    nodes : list of int
        Center nodes, counted from 1 as in the book's prose; in any order.
    layers : int
        Fewest layers after which every token has heard from at least one center node.
    mask : Mask
        The rule, with at least one center node.
    tokens : int
        Length of the sequence.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    Center nodes of Wu et al. 2025, Section 4. *Ours.*

    Examples
    --------
    >>> from attention_atlas.masks import sliding_window
    >>> check_center_nodes([1], layers=3, mask=sliding_window(3), tokens=6)
    'Correct: center nodes [1], and they reach every token within 3 layers'
    """
    centers = center_nodes(mask, tokens)
    right = [node + 1 for node in centers]
    if sorted(nodes) == centers != right:
        raise ValueError(f"not yet, got {nodes}: these are the library's indices from 0; the question counts from 1")
    if missing := set(right) - set(nodes):
        raise ValueError(f"not yet, got {nodes}: token {min(missing)} also reaches everyone; follow its arcs")
    if extra := set(nodes) - set(right):
        raise ValueError(f"not yet, got {nodes}: from token {min(extra)} some token cannot be reached")
    steps = torch.stack([steps_from(mask, tokens, node) for node in centers])
    farthest = int(steps.min(0).values.max())
    if layers == farthest + 1:
        raise ValueError(f"not yet, got {layers} layers: count arcs, not the tokens along the path")
    if layers != farthest:
        raise ValueError(f"not yet, got {layers} layers: follow the shortest way to the token that is worst off")
    return f"Correct: center nodes {right}, and they reach every token within {farthest} layers"


def check_layers_for_window(answer: int, tokens: int, width: int) -> str:
    """Check how many layers a sliding window needs to carry token 1 to the last token.

    Parameters
    ----------
    answer : int
        Number of layers.
    tokens : int
        Length of the sequence N.
    width : int
        Width of the window w, at least 2.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    ceil((N - 1) / (w - 1)), the r of Wu et al. 2025, Theorem 4.2. *Ours.*

    Examples
    --------
    >>> check_layers_for_window(4, tokens=10, width=4)
    Traceback (most recent call last):
        ...
    ValueError: not yet, got 4: count the steps between tokens, N - 1, and not the tokens
    >>> check_layers_for_window(3, tokens=10, width=4)
    'Correct: ceil((N - 1) / (w - 1)) = 3 layers'
    """
    right = math.ceil((tokens - 1) / (width - 1))
    mistakes = {
        "a window of w includes the token itself, so a layer moves information by w - 1": math.ceil(tokens / width),
        "round up: the last, shorter step needs a layer of its own": (tokens - 1) // (width - 1),
        "count the steps between tokens, N - 1, and not the tokens": math.ceil(tokens / (width - 1)),
    }
    return judge(answer, right, mistakes, f"ceil((N - 1) / (w - 1)) = {right} layers", tolerance=0)


def check_product_order(answer: float, maps: Float[Tensor, "layer query key"], query: int, key: int) -> str:
    """Check one entry of the rollout of several layers.

    Parameters
    ----------
    answer : float
        A share between 0 and 1.
    maps : (layer, query, key)
        Attention maps, first layer first.
    query, key : int
        Which entry, counted from 1 as in the book's prose.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    P^(t) = A^(t) ... A^(0) of Wu et al. 2025, Section 3. *Ours.*

    Examples
    --------
    >>> maps = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.8, 0.2]]])
    >>> check_product_order(0.9, maps, query=2, key=1)
    'Correct: 0.9000 of the context of token 2 comes from token 1'
    """

    def entry(matrix: Tensor) -> float:
        return matrix.double()[query - 1, key - 1].item()

    right = entry(rollout(maps))
    mistakes = {
        "the layers are in the wrong order: multiply each later layer from the left": entry(rollout(maps.flip(0))),
        "this is the first layer only: multiply the later layer from the left": entry(maps[0]),
        "this is the last layer only: it looks at mixtures, so multiply by the earlier layer": entry(maps[-1]),
        "this is the mean of the maps: layers follow each other, so multiply": entry(maps.double().mean(0)),
        "this is the entrywise product: take the matrix product, a sum over the tokens between": entry(maps.prod(0)),
    }
    return judge(answer, right, mistakes, f"{right:.4f} of the context of token {query} comes from token {key}")


def check_layers_with_residual(answer: int, residual: float, share: float) -> str:
    """Check how many uniform causal layers with a residual leave at most a given share to token 2 itself.

    Parameters
    ----------
    answer : int
        Number of layers.
    residual : float
        Strength of the residual connection r, above 0.
    share : float
        Largest share of token 2's context that may still come from token 2, between 0 and 1.

    Returns
    -------
    str
        "Correct: ...".

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Notes
    -----
    Token 2 keeps ((1/2 + r) / (1 + r))^n after n layers. *Ours.*

    Examples
    --------
    >>> check_layers_with_residual(17, residual=1.0, share=0.01)
    'Correct: 17 layers, each 2.41 times slower'
    """
    keeps = (0.5 + residual) / (1 + residual)
    exact, plain = math.log(share) / math.log(keeps), math.log(share) / math.log(0.5)
    right, without = math.ceil(exact), math.ceil(plain)
    mistakes = {
        "that is without the residual": without,
        "that is the rule of thumb 1 + r, good for small rates; one half is not small": math.ceil(
            (1 + residual) * plain
        ),
        "the rule of thumb 1 + r is for small rates; one half is not small": math.ceil((1 + residual) * without),
        "one layer short: round up; or that is t, and P^(t) is a product of t + 1 maps": right - 1,
    }
    praise = f"{right} layers, each {exact / plain:.2f} times slower"
    return judge(answer, right, mistakes, praise, tolerance=0)

"""Checks of the exercises about the three masks (Theorems 4.1-4.3 of Wu et al. 2025).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
Tokens and layers in the messages are counted from 1, as on the pages.
"""

from collections.abc import Sequence

import torch

from attention_atlas.masks import causal, sliding_window, steps_from
from attention_atlas.rollout import rollout
from attention_atlas.shapes import Float, Tensor
from attention_atlas.theory.position_bias.kernels import flat_map

CLOSE = 1e-6  # answers are computed, not read off a picture
DEPTH_TOKENS = (16, 256, 1024)
REACH = ((1000, 32), (4096, 64), (1025, 33))  # (tokens, width)
PREFIX_BLOCK = ((0.9, 0.1), (0.4, 0.6))


def _shares(answer: Float[Tensor, "..."] | Sequence[float]) -> Float[Tensor, "..."]:
    return torch.as_tensor(answer, dtype=torch.float64)  # by hand as a list, computed as a tensor


def _same(answer: Float[Tensor, "..."], other: Float[Tensor, "..."]) -> bool:
    return answer.shape == other.shape and bool((answer.double() - other).abs().max() < CLOSE)


def check_two_layers(answer: Float[Tensor, "key"] | Sequence[float]) -> str:
    """Context of the fifth token: layer 1 averages all tokens seen, layer 2 only itself and the token before it.

    Parameters
    ----------
    answer : (key,)
        Five shares, a tensor or a list.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the shares are wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_two_layers(torch.tensor([0.225, 0.225, 0.225, 0.225, 0.1]).double())
    'Correct: four equal shares, because both tokens that layer 2 looks at had averaged tokens 1-4.'
    """
    answer = _shares(answer)
    first, second = flat_map(5, causal), flat_map(5, sliding_window(2))
    if _same(answer, rollout(torch.stack([first, second]))[-1]):
        return "Correct: four equal shares, because both tokens that layer 2 looks at had averaged tokens 1-4."
    if answer.shape != (5,):
        raise ValueError(f"the context of one token among five is 5 shares, got shape {tuple(answer.shape)}")
    if _same(answer, second[-1]):
        raise ValueError("this is the last layer only: the tokens that it looks at are mixtures already, multiply on")
    if _same(answer, first[-1]):
        raise ValueError("this is the first layer only: multiply the later layer from the left")
    if _same(answer, (first @ second)[-1]):
        raise ValueError("this is the product in the wrong order: a later layer multiplies from the left, P = A2 A1")
    if abs(answer.sum().item() - 1) > CLOSE:
        raise ValueError(
            f"the shares of a context sum to 1, these to {answer.sum().item():.4g}: use row-stochastic maps"
        )
    raise ValueError(f"not these shares: both maps are uniform over what they see; got {answer.tolist()}")


def check_collapse_depth(answer: Sequence[int]) -> str:
    """Layers of uniform causal attention until token 1 has more than half of the last token's context.

    Parameters
    ----------
    answer : sequence of int
        One number of layers for each of 16, 256 and 1024 tokens.

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
    >>> check_collapse_depth([4, 7, 8])
    'Correct: 64 times the tokens need only 4 layers more. Depth goes with the logarithm of the length.'
    """
    answer = [int(layers) for layers in answer]
    right = [4, 7, 8]  # the tests compare them with the rollout
    if answer == right:
        return "Correct: 64 times the tokens need only 4 layers more. Depth goes with the logarithm of the length."
    if len(answer) != len(right):
        raise ValueError(f"one number for each of {DEPTH_TOKENS} tokens is asked for, got {len(answer)}")
    if answer == [layers - 1 for layers in right]:
        raise ValueError("this is t, which counts from 0: P^(t) is a product of t + 1 layers")
    if answer == [8, 128, 512]:
        raise ValueError("this is where token 1 stands half-way in tokens, not in layers: power the map and look")
    if min(answer) > 10:
        raise ValueError("these come from the bound, which is loose: multiply the maps themselves")
    raise ValueError(f"not these: find the first power of the uniform map with entry [-1, 0] above 0.5; got {answer}")


def check_keep_half(answer: Float[Tensor, "layer"] | Sequence[float]) -> str:
    """Weights that token 2 gives to token 1, layer by layer, so that it keeps half of its own context for ever.

    Parameters
    ----------
    answer : (layer,)
        1000 weights in (0, 1), a tensor or a list.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If token 2 keeps something else, or does not keep it; the message names the likely mistake.

    Examples
    --------
    >>> check_keep_half(1 / torch.arange(2, 1002).double() ** 2)
    'Correct: the weights are summable, so no one epsilon serves all layers and Theorem 4.1 does not apply.'
    """
    answer = _shares(answer)
    if answer.shape != (1000,):
        raise ValueError(f"1000 weights are asked for, one per layer, got shape {tuple(answer.shape)}")
    if not ((answer > 0) & (answer < 1)).all():
        raise ValueError("every weight must lie strictly between 0 and 1: softmax gives neither")
    kept = (1 - answer.double()).cumprod(0)
    if kept[499] - kept[-1] > 0.01:
        raise ValueError(
            f"token 2 still leaks: {kept[499]:.3f} after 500 layers, {kept[-1]:.3f} after 1000. The weights must be "
            "summable, and constant ones or 1/layer are not"
        )
    if abs(kept[-1] - 0.5) > 0.01:
        raise ValueError(f"token 2 keeps {kept[-1]:.3f}, not half: the product of (1 - weight) must tend to 1/2")
    return "Correct: the weights are summable, so no one epsilon serves all layers and Theorem 4.1 does not apply."


def check_window_reach(answer: Sequence[int]) -> str:
    """Fewest layers after which the last token's context can hold anything of token 1.

    Parameters
    ----------
    answer : sequence of int
        One number of layers for each (tokens, width) of (1000, 32), (4096, 64), (1025, 33).

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
    >>> check_window_reach([33, 65, 32])
    'Correct: w - 1 tokens per layer, since the window holds the query itself.'
    """
    answer = [int(layers) for layers in answer]
    right = [int(steps_from(sliding_window(width), tokens, 0)[-1]) for tokens, width in REACH]
    if answer == right:
        return "Correct: w - 1 tokens per layer, since the window holds the query itself."
    if len(answer) != len(right):
        raise ValueError(f"one number for each (tokens, width) of {REACH} is asked for, got {len(answer)}")
    if answer == [-(-tokens // width) for tokens, width in REACH]:
        raise ValueError("this is ceil(N / w): the query sits in its own window, so a layer moves w - 1 tokens at most")
    if answer == [(tokens - 1) // (width - 1) for tokens, width in REACH]:
        raise ValueError("rounded down: the last step may be short, but it takes a layer all the same")
    if answer == [layers - 1 for layers in right]:
        raise ValueError("this is t, which counts from 0: the number of layers is t + 1")
    raise ValueError(f"not these: count steps of w - 1 tokens from token N back to token 1; got {answer}")


def check_prefix_shares(answer: Float[Tensor, "prefix"] | Sequence[float]) -> str:
    """Shares of two prefix tokens after very many equal layers with the block PREFIX_BLOCK among them.

    Parameters
    ----------
    answer : (prefix,)
        Two shares, a tensor or a list.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the shares are wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_prefix_shares(torch.tensor([0.8, 0.2]))
    'Correct: the stationary shares of the block, whatever the tokens behind the prefix do.'
    """
    answer, block = _shares(answer), torch.tensor(PREFIX_BLOCK, dtype=torch.float64)
    limit = torch.linalg.matrix_power(block, 200)[0]
    if _same(answer, limit):
        return "Correct: the stationary shares of the block, whatever the tokens behind the prefix do."
    if answer.shape != (2,):
        raise ValueError(f"two shares are asked for, got shape {tuple(answer.shape)}")
    if _same(answer, torch.tensor([0.5, 0.5])):
        raise ValueError("equal shares need flat logits: here the first token keeps 0.9 of its context, the second 0.6")
    if _same(answer, block.mean(0)):
        raise ValueError("this is the mean of the two rows, one layer seen from both tokens: go on multiplying")
    if _same(answer, limit.flip(0)):
        raise ValueError("the two shares are swapped: solve pi = pi A, a left eigenvector, with A's rows as contexts")
    raise ValueError(f"not these: the shares pi satisfy pi = pi A and sum to 1; got {answer.tolist()}")

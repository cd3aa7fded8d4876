"""Do tagged tokens stand apart from others? Principal directions of both together, and how well each separates them."""

from typing import NamedTuple

import torch

from attention_atlas.shapes import Bool, Float, Int, Tensor
from attention_atlas.stream_coordinates import principal, separation

DIRECTIONS = 2
LEAST, MOST = 20, 1000  # tokens of a kind without which nothing is said, and which are enough
LEAST_WITHIN, WINDOWS = 5, 40  # tokens of a kind in one window, and windows that are enough


class Plane(NamedTuple):
    """Tokens of two kinds along the directions in which all of them differ most."""

    places: Float[Tensor, "token direction"]
    tagged: Bool[Tensor, "token"]
    separations: list[float]  # of each direction, see :func:`attention_atlas.stream_coordinates.separation`


def sample(
    tagged: Bool[Tensor, "window token"], untagged: Bool[Tensor, "window token"], most: int = MOST
) -> tuple[Int[Tensor, "chosen"], Bool[Tensor, "chosen"]] | None:
    """Some tokens of both kinds, taken evenly from all windows.

    Parameters
    ----------
    tagged, untagged : (window, token)
        As of :func:`attention_atlas.decoders.tag_components.caught`.
    most : int
        How many of a kind.

    Returns
    -------
    (chosen,), (chosen,) or None
        Their places among all tokens, one window after the other, and which are tagged; None if there are less than
        :data:`LEAST` of a kind.

    Examples
    --------
    >>> places, kinds = sample(torch.arange(80)[None] < 50, torch.arange(80)[None] >= 50, most=25)
    >>> places[:4].tolist(), places[25:29].tolist(), int(kinds.sum())
    ([0, 2, 4, 6], [50, 51, 52, 53], 25)
    """
    kinds = [chosen.flatten().nonzero()[:, 0] for chosen in (tagged, untagged)]
    if min(map(len, kinds)) < LEAST:
        return None
    some = [places[torch.arange(min(len(places), most)) * len(places) // min(len(places), most)] for places in kinds]
    return torch.cat(some), torch.arange(sum(map(len, some))) < len(some[0])


def plane(vectors: Float[Tensor, "token width"], tagged: Bool[Tensor, "token"]) -> Plane:
    """Look at tokens of two kinds in the directions in which all of them together differ most.

    Parameters
    ----------
    vectors : (token, width)
        A head's output, or the stream; at least two wide.
    tagged : (token,)
        Which are of the one kind; some are, some are not.

    Returns
    -------
    Plane
        The directions know nothing of the kinds; a separation of 1/2 is none.

    Raises
    ------
    ValueError
        If all tokens are equal or of one kind.

    Examples
    --------
    >>> vectors = torch.tensor([[0.0, 1.0], [0.0, -1.0], [9.0, 1.0], [9.0, -1.0]])
    >>> plane(vectors, torch.tensor([False, False, True, True])).separations
    [1.0, 0.5]
    """
    places = principal(vectors).places[:, :DIRECTIONS]
    return Plane(places, tagged, [separation(places[:, k], tagged) for k in range(DIRECTIONS)])


def separation_within(
    vectors: Float[Tensor, "window token width"],
    tagged: Bool[Tensor, "window token"],
    untagged: Bool[Tensor, "window token"],
) -> Float[Tensor, "chosen"]:
    """How well the first principal direction of a single window separates its tagged tokens from its untagged ones.

    Parameters
    ----------
    vectors : (window, token, width)
        A head's output, or the stream.
    tagged, untagged : (window, token)
        As of :func:`attention_atlas.decoders.tag_components.caught`.

    Returns
    -------
    (chosen,)
        For the first :data:`WINDOWS` windows with at least :data:`LEAST_WITHIN` tokens of each kind. Of so few tokens
        even arbitrary ones are separated by chance, well above 1/2: compare it with vectors that know of no tag.

    Notes
    -----
    Ours. In one window the tags are the same for all tokens; in another one the sinks are others, and so are the tags.

    Examples
    --------
    >>> vectors = torch.arange(12.0)[None, :, None] * torch.tensor([1.0, 0.5])
    >>> separation_within(vectors, torch.arange(12)[None] < 5, torch.arange(12)[None] >= 7).tolist()
    [1.0]
    """
    enough = (tagged.sum(-1) >= LEAST_WITHIN) & (untagged.sum(-1) >= LEAST_WITHIN)
    found = []
    for window in enough.nonzero()[:WINDOWS, 0].tolist():
        kept = tagged[window] | untagged[window]
        chosen = vectors[window, kept]
        if (chosen != chosen[0]).any():
            found.append(separation(principal(chosen).places[:, 0], tagged[window, kept]))
    return torch.tensor(found, dtype=torch.float64)

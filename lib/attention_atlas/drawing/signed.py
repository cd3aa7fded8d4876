"""Maps of numbers with a sign: orange above zero, blue below, and nothing where nothing is, on a page of any color."""

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.image import AxesImage

from attention_atlas.figures import PALETTE
from attention_atlas.shapes import Float, Tensor

_SIDES = [to_rgba(PALETTE["blue"]), to_rgba(PALETTE["blue"], 0), to_rgba(PALETTE["orange"], 0)]
SIGNED = LinearSegmentedColormap.from_list(  # transparent in the middle, so that it suits light and dark pages
    "signed", list(zip((0, 0.5, 0.5, 1), [*_SIDES, to_rgba(PALETTE["orange"])], strict=True))
)


def signed_map(
    axes: Axes, map: Float[Tensor, "row column"], limit: float | None = None, corners: bool = True
) -> AxesImage:
    """Draw a map of positive and negative numbers.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    map : (row, column)
        What to draw, rows downwards; NaN stays empty.
    limit : float, optional
        Absolute value that takes the full color; by default the largest there is. Give panels that are to be compared
        the same one.
    corners : bool
        Whether to number the first and the last row and column, from 1.

    Returns
    -------
    AxesImage
        For a color bar.

    Raises
    ------
    ValueError
        If the limit is not above 0.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> signed_map(Figure().subplots(), torch.tensor([[1.0, -3.0]])).get_clim()
    (-3.0, 3.0)
    """
    rows, columns = map.shape
    limit = map.detach().double().nan_to_num().abs().max().item() if limit is None else limit
    if limit <= 0:
        raise ValueError(f"the limit of the colors must be above 0, got {limit}")
    extent = (0.5, columns + 0.5, rows + 0.5, 0.5)
    image = axes.imshow(map.detach().double().numpy(), cmap=SIGNED, norm=Normalize(-limit, limit), extent=extent)
    axes.grid(False)
    axes.tick_params(length=0, pad=1, labelsize=9)
    axes.set(xticks=[1, columns] if corners else [], yticks=[1, rows] if corners else [])
    axes.spines[:].set(visible=True, color=PALETTE["line"], linewidth=0.6)
    return image

"""What tells the models of the retrieval experiment apart, and what is measured of them; light to import."""

PRINTED_STEPS = 100_000  # the length of training that Appendix J of Wu et al. 2025 gives
GAPS = ("first_vs_middle", "first_vs_last", "middle_vs_last")
MAPS = ("map", "one_map", "asked")  # mean maps, those of one sequence, and its tokens of the query's class
ENDINGS = ("", "_redrawn")  # of the tests with the trained direction, and of those with one of their own
SETTING = ("setting", "train_bias", "mask", "mask_parameter", "position_encoding", "depth", "residual")
USUAL = {  # as in the official code, unless an experiment is ours
    "scale": "code",
    "varied": "everything",
    "initial_scale": 1.0,
    "learning_rate": 1e-3,
}


def setting_name(
    setting: str,
    train_bias: str,
    mask: str,
    position_encoding: str,
    depth: int,
    residual: bool,
    mask_parameter: int | None = None,
) -> str:
    """Name of a setting, as the points of its models begin: training, mask, encoding, depth, what is not as usual.

    Parameters
    ----------
    setting
        The vocabulary.
    train_bias, mask, position_encoding, depth, residual, mask_parameter
        Fields of :class:`attention_atlas.experiments.retrieval.Config`.

    Examples
    --------
    >>> setting_name("fixed", "unbiased", "prefix", "none", 2, True, 4)
    'unbiased-prefix4-none-2-residual-fixed'
    """
    parts = [train_bias, f"{mask}{mask_parameter or ''}", position_encoding, str(depth)]
    return "-".join(parts + ["residual"] * bool(residual) + ["fixed"] * (setting == "fixed"))


def sides(gap: str) -> tuple[str, str]:
    """The two accuracies whose difference is a gap.

    Examples
    --------
    >>> sides("first_vs_last"), sides("first_vs_last_redrawn")
    (('first_over_last', 'last_over_first'), ('first_over_last_redrawn', 'last_over_first_redrawn'))
    """
    a, _, rest = gap.partition("_vs_")
    b, *ending = rest.split("_")
    ending = "".join(f"_{word}" for word in ending)
    return f"{a}_over_{b}{ending}", f"{b}_over_{a}{ending}"

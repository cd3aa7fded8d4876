"""Which checks of position bias there are: the paper's statements and some of ours. test_checks.py runs them."""

from attention_atlas.checks import position_bias as checks

CONTROLS = sorted(name for name in checks.__all__ if name.endswith("_control"))
STATEMENTS = [name.removesuffix("_control") for name in CONTROLS]


def test_all_nine_statements_of_the_paper_are_here_with_their_controls():
    kinds = {"causal_collapse", "window_collapse", "prefix_collapse", "decay_bounds", "decay_rollout"}
    assert kinds | {f"rope_{kind}{end}" for kind in ("bounds", "rollout") for end in ("", "_general")} <= set(
        STATEMENTS
    )
    assert set(checks.__all__) == {"ROUNDING", *STATEMENTS, *CONTROLS}

"""The ledger's entry on Bao et al. 2024, computed again."""

from agreement import agrees

from attention_atlas.experiments import localization_phase


def test_both_collapses():
    # another seed than the stored diagram's, and eigenvalues that do not vary at all
    config = localization_phase.Config(64, 128, (0.0, 20.0, 320.0), (0.0,), sequences=200, seed=1)
    found = localization_phase.run(config).set_index(["eta", "quantity"])["mean"]
    assert agrees(
        "bao2024-both-collapses",
        {
            "residual_0": found[0.0, "residual"],
            "residual_20": found[20.0, "residual"],
            "entropy_20": found[20.0, "entropy"],
            "entropy_320": found[320.0, "entropy"],
        },
    )

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Follow the tag
#
# A network that averages the right numbers may do so for many reasons. If the *tag* is the reason, then moving the tag must move the average.
#
# {numref}`fig-catch-follow` does that to one trained network. Nothing is changed but what the second layer sees of the first: all numbers with the tag, or the tag on the numbers *before* the separator. **The output follows the tag**, to the
# mean of all numbers and to the mean of those before.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
seed: int = 3  # of the network that is trained here
steps: int = 4000  # of its training
sequences: int = 2000  # on which networks are tested

# %% tags=["hide-input"]
import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.catch_criteria import LEARNED
from attention_atlas.exercises import catch_intervention as exercises
from attention_atlas.experiments import averaging
from attention_atlas.models.averager import forward
from attention_atlas.outcomes.averaging import Outcomes
from attention_atlas.tag_tests import measure, retagged, seen_as
from attention_atlas.tasks.averaging import draw, simple_rules
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
from attention_atlas.training.averaging import Training
from attention_atlas.wording import probability, say, short

figures.style()
blue, orange, green, muted, ink = (figures.PALETTE[name] for name in ("blue", "orange", "green", "muted", "ink"))
config = dataclasses.replace(averaging.configurations("paper")["main-0"], steps=steps)
task, averager = config.task, config.averager
batch = draw(task, sequences, torch.Generator().manual_seed(averaging.TEST_SEED))
training = Training(averager, task, [seed], steps, config.learning_rate, config.batch)
training.advance(steps)
parameters, features = training.parameters, batch.features[None].float()
added = forward(averager, parameters, features).written[0].sum(2)
numbers, everyone = batch.features[..., 0], batch.before | batch.after
earlier = (numbers * batch.before).sum(1) / batch.before.sum(1)

# %% tags=["hide-input"]
cases = {
    "as it is": (added, batch.target, "mean of the numbers after [SEP]"),
    "everyone tagged": (retagged(added, batch, everyone), simple_rules(task, batch)["all_numbers"], "mean of all numbers"),
    "tag moved": (retagged(added, batch, batch.before), earlier, "mean of the numbers before [SEP]"),
}  # fmt: skip
figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.0), sharey=True)
shown = (batch.separator > 0).nonzero()[:400, 0]
for axes, (title, (new, expected, label)) in zip(panels, cases.items(), strict=True):
    output = forward(averager, parameters, features, seen_as(new - added, "key", "value")).output[0, :, -1]
    axes.plot([task.low, task.high], [task.low, task.high], color=muted, linewidth=1)
    axes.plot(batch.target[shown], output[shown], ".", color=muted, markersize=3, label="against the target")
    axes.plot(expected[shown], output[shown], ".", color=blue, markersize=3, label="against what the tag predicts")
    axes.set(title=title, xlabel=label)
    axes.xaxis.label.set_fontsize(9)
    kept = batch.separator > 0
    say(f"catch-follow-{title.split()[0]}", short((output - expected)[kept].square().mean().item()))
panels[0].set_ylabel("output")
figure.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=2, markerscale=3)
figures.show(
    figure,
    name="catch-follow",
    caption="Output of one trained network for 400 sequences. Blue: against the mean of the numbers that have the tag. Gray: against the task's target, in the first panel the same.",
    alt="Three scatter plots. In all of them the blue points lie on the diagonal. The gray points lie on it in the first panel, scatter around it in the second and are unrelated to the output in the third.",
)

# %% [markdown]
# ## What is moved
#
# Layer 1 writes something into every token. A token after [SEP] gets the separator's value, the **tag**. A token before it gets a mean of what numbers write, so it is not empty either. We call a number *tagged* if it has the mean of what tokens after [SEP] get, *untagged*
# with the mean of what tokens before it get <span class="atlas-origin">ours</span>. The change is seen by the keys and values of layer 2 alone. The query, the residual stream and the readout stay as they are, since they belong to the token that asks and not to those that are asked about.
#
# The mechanism predicts:
#
# | who is tagged | the output becomes |
# |---|---|
# | those after [SEP] | their mean, the task's target |
# | everyone | the mean of all numbers: the distinction is gone |
# | those before [SEP] | *their* mean |
# | keys with twice the tag | unchanged: attention was on the tagged already |
# | keys with half the tag | worse: the untagged get some attention |
#
# ```{admonition} How we came to this test
# :class: note
# With the first twelve networks of the main setting (seeds 0 to 11) at hand. Taking the tag away altogether gave what the last section shows, and changing the keys alone sent the attention where it should go, with outputs off by a constant. The form above was then fixed, and applied to all.
# ```
#
# ## All networks

# %% tags=["hide-input"]
outcomes = Outcomes(["main"], profile)
end, variance = outcomes.end, outcomes.end["target_variance"].iloc[0]
good, bad = end[end["learned"]], end[~end["learned"]]
rules = simple_rules(task, batch)
squares = (rules["all_numbers"] - batch.target).square()
floor, error = squares.mean().item(), squares.std().item() / sequences**0.5
quantities = {
    "loss": "as it is", "everyone": "everyone tagged", "everyone_to_all_numbers": "everyone tagged,\nto the mean of all", "moved": "tag moved,\nto the mean of those before",
    "doubled": "keys, tag doubled", "halved": "keys, tag halved", "nobody": "nobody tagged", "projected": "tag's direction\nremoved everywhere",
}  # fmt: skip
figure, axes = plt.subplots(figsize=(7.2, 4.4))
generator = np.random.default_rng(0)
for place, quantity in enumerate(quantities):
    for part, color, marker, shift, label in (
        (good, blue, "o", -0.16, "learned"),
        (bad, orange, "x", 0.16, "not learned"),
    ):
        spread = generator.uniform(-0.1, 0.1, len(part))
        axes.plot(part[quantity] / variance, place + shift + spread, marker, color=color, markersize=3, label=label if not place else None, linestyle="")  # fmt: skip
axes.axvline(floor / variance, color=muted, linestyle="--", linewidth=1, label="mean of all numbers")
axes.set_yticks(range(len(quantities)), list(quantities.values()))
axes.set(xscale="log", xlabel="mean squared distance / variance of the target")
axes.invert_yaxis()
figure.legend(loc="outside lower center", ncols=3)
figures.show(
    figure,
    name="catch-interventions",
    caption=f"All {len(end)} networks of the main setting, {len(good)} of which learned the task. Distances to the target unless another is named. Dashed: the loss of the mean of all numbers.",
    alt="Eight rows of dots on a logarithmic axis. For networks that learned: tiny as it is and with the tag doubled; exactly at the dashed line with everyone tagged, and tiny to the mean of all; tiny to the mean of those before with the tag moved; "
    "scattered and large with nobody tagged or the direction removed. Networks that did not learn follow none of it.",
    provenance=outcomes.provenance,
)
say("catch-floor", f"{probability(floor, 4)} ± {probability(2 * error, 4)}")
say("catch-everyone-within", f"{((good['everyone'] - floor).abs() < 2 * error).sum()} of {len(good)}")
say("catch-everyone-range", f"{probability(good['everyone'].min(), 4)} to {probability(good['everyone'].max(), 4)}")
say("catch-everyone-distance", short(good["everyone_to_all_numbers"].max()))
say("catch-moved-most", short(good["moved"].max()))
say("catch-moved-mass", probability(good["moved_mass"].min(), 3))
say("catch-moved-bad", short(bad["moved"].min()))
say("catch-moved-mass-bad", probability(bad["moved_mass"].max(), 2))
say("catch-doubled", short(good["doubled"].max()))
say("catch-halved", short(good["halved"].median()))
say("catch-nobody-separator", probability(good["nobody_separator"].median(), 2))
say("catch-nobody", short(good["nobody"].median()))
say("catch-projected", short(good["projected"].median()))
say("catch-learned-line", short(LEARNED * variance))

# %% [markdown]
# - **Everyone tagged.** The mean of all numbers has a mean squared error of {glue:text}`catch-floor` on these sequences (two standard errors). With everyone tagged {glue:text}`catch-everyone-within` successful networks have a loss within that interval ({glue:text}`catch-everyone-range`), and their outputs
#   are that mean, to a mean squared distance of at most {glue:text}`catch-everyone-distance`.
# - **Tag moved.** They output the mean of the numbers *before* [SEP], to {glue:text}`catch-moved-most` at most, and give these at least {glue:text}`catch-moved-mass` of their attention.
# - **The control.** Networks that did not learn it do not follow: the nearest is {glue:text}`catch-moved-bad` away, the most attentive gives the tagged {glue:text}`catch-moved-mass-bad`.
# - **More and less tag.** Doubled in the keys it changes nothing (loss {glue:text}`catch-doubled` at most). Halved it costs: {glue:text}`catch-halved` (median), above the {glue:text}`catch-learned-line` at which we say that a network has learned it.
#
# **Two blunter tests.** With *nobody* tagged one might expect the mean of all numbers again. But a network was never asked what to do without tags. The last token gives {glue:text}`catch-nobody-separator` (median) of its attention to [SEP] then, and the loss is {glue:text}`catch-nobody`.
# And *projecting the tag's direction out* of the whole stream gives {glue:text}`catch-projected`: in eight dimensions the direction is shared with numbers and readout, and they are hurt too. In the construction, where the tag has a coordinate of its own, both tests do what one expects:

# %% tags=["hide-input"]
built, weights = catch_tag_release(20.0, 20.0)
numbers_of = measure(built, weights, task, batch)
rows = ["| network | as it is | everyone tagged | tag moved | nobody tagged | direction removed |", "|---|--:|--:|--:|--:|--:|"]  # fmt: skip
for label, values in (("constructed", {k: v.item() for k, v in numbers_of.items()}), ("learned, median", good.median(numeric_only=True)), ("not learned, median", bad.median(numeric_only=True))):  # fmt: skip
    cells = [short(values[q]) for q in ("loss", "everyone", "moved", "nobody", "projected")]
    rows.append(f"| {label} | " + " | ".join(cells) + " |")
display(Markdown("\n".join(rows)))
say("catch-built-nobody", probability(numbers_of["nobody"].item(), 4))
say("catch-built-projected", probability(numbers_of["projected"].item(), 4))

# %% [markdown]
# ({glue:text}`catch-built-nobody` and {glue:text}`catch-built-projected` in the construction, the loss of the mean of all numbers. *Tag moved* is the distance to the mean of the numbers before [SEP], all others to the target.)
#
# ## What a practitioner takes away
#
# - **Swap, do not delete.** A state that never occurs in training (no token tagged) tells you what the network does when it is lost. Exchanging the states of two kinds of tokens keeps it at home.
# - **Say who sees the change.** Keys decide where attention goes, values what comes back. Changing the keys alone moves the attention, and leaves an offset in the output.
# - **Keep the failures as a control.** A test that a network without the mechanism passes too is no test of the mechanism.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Predict before you look
# :label: ex-catch-predict
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# The sequence is $.2, .4,$ [SEP] $, .6, .8$. What does a successful network output if exactly the first number and the last one are tagged? And what is the square of its distance from the task's target?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-predict
# :class: dropdown
# :label: sol-catch-predict
# ```

# %% [markdown]
# The mean of the tagged ones, $(.2 + .8)/2$. The target is $(.6 + .8)/2$.

# %%
print(exercises.check_output((0.2 + 0.8) / 2))
print(exercises.check_squared_distance(((0.2 + 0.8) / 2 - (0.6 + 0.8) / 2) ** 2))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Half a tag
# :label: ex-catch-half
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# In the last layer a tagged key scores 8 more than an untagged one, whatever the numbers are. There are 6 numbers with the tag and 9 without; nothing else is attended to. Which share of the attention goes to numbers without the tag, and which one if the tag is halved?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-half
# :class: dropdown
# :label: sol-catch-half
# ```

# %% [markdown]
# An untagged key gets $e^{-8}$ of what a tagged one gets, with half the tag $e^{-4}$.

# %%
print(exercises.check_half(9 * np.exp(-8) / (6 + 9 * np.exp(-8)), 9 * np.exp(-4) / (6 + 9 * np.exp(-4))))

# %% [markdown]
# ```{solution-end}
# ```

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A task that asks where a network looks
#
# How do we ask a trained network *where* it looks? Show it one vector at two places, with two labels, and see which label it gives back.
#
# {numref}`fig-task-sequences` has one sequence of each kind. The first is what the network is trained on. The other two ask the question. They differ in which of the two labels counts as right.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing models are trained, where that is asked for
compute: bool = False  # train models that are not stored
sequences: int = 10_000  # test sequences that are drawn on this page, of each kind
steps: int = 40  # training steps of the comparison "together or alone"
solved: float = 0.75  # accuracy on novel classes from which on the context is said to be used

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import figures, ledger
from attention_atlas.drawing.sequence import PLACE, parts, sequence
from attention_atlas.drawing.trajectories import curves, emergence, handle, levels, lines, not_yet, steps_axis
from attention_atlas.exercises import position_bias_retrieval_task as exercises
from attention_atlas.experiments import retrieval
from attention_atlas.models.attention_only import AttentionOnly
from attention_atlas.outcomes.emergence import stages
from attention_atlas.outcomes.retrieval_costs import costs
from attention_atlas.outcomes.retrieval_names import GAPS, PRINTED_STEPS, sides
from attention_atlas.outcomes.retrieval_points import Models, names, printed_gaps
from attention_atlas.tasks.copying import RULES, guessing, on_tests
from attention_atlas.tasks.retrieval import Task, draw_world
from attention_atlas.tasks.retrieval_sequences import training_sequences
from attention_atlas.tasks.retrieval_tests import conflict_sequences
from attention_atlas.training.together import together_or_alone
from attention_atlas.wording import number, probability, say, short, thousandths
from attention_atlas.words.emergence import (
    at_both_lengths,
    emerged_words,
    lengths_words,
    scales_words,
    seeds_words,
    shift_words,
    spread,
    steps_in_words,
    turned_words,
    used_words,
)

figures.style()
task, quiet = Task(), Task(noise=0.0)  # one seed draws the same sequences of both, so the second tells the classes
n, L, B = task.items, task.labels, task.burstiness
first, middle = task.place("first"), task.place("middle")

# %% tags=["hide-input"]
world = draw_world(task, torch.Generator().manual_seed(0))
shown = []
for right, other in ((None, None), (first, middle), (middle, first)):
    pair = []
    for kind in (quiet, task):
        generator = torch.Generator().manual_seed(1)
        own = draw_world(kind, torch.Generator().manual_seed(0))
        if right is None:
            pair.append(training_sequences(kind, own, 20, generator))
        else:
            pair.append(conflict_sequences(kind, own, right, other, 20, generator))
    (clean, targets), (noisy, _) = pair
    read = [parts(one, world, target) for one, target in zip(clean, targets.tolist(), strict=True)]
    which = next(k for k, p in enumerate(read) if right is None or p.labels[right] != p.labels[other])
    alike = torch.cosine_similarity(noisy[which, :-1:2], noisy[which, -1:], dim=-1)
    shown.append((read[which], right, other, alike.tolist()))

figure, rows = plt.subplots(4, 1, figsize=(7.2, 4.7), height_ratios=(1, 1, 1, 0.7))
titles = ("training", "test: first against middle, first is right", "test: middle against first, middle is right")
for axes, title, (read, right, other, _) in zip(rows, titles, shown, strict=False):
    sequence(axes, read, right, other)
    axes.set_title(title, fontsize=10, pad=6)
read, right, other, alike = shown[-1]
bars = rows[-1]
for place, height in enumerate(alike):
    color = figures.PALETTE["blue" if read.classes[place] == 0 else "orange"]
    bars.bar(PLACE * place, height, width=0.84, color=color)
expected = 1 / (1 + task.noise**2)
levels(bars, {"": expected})
bars.set(xlim=rows[0].get_xlim(), ylim=(-0.35, 1), xticks=[], yticks=[0, 1])
bars.set_title("cosine with the query, of the sequence above", fontsize=10, pad=4)
bars.axhline(0, color=figures.PALETTE["muted"], linewidth=0.8)
bars.spines["bottom"].set_visible(False)
figures.show(
    figure,
    name="task-sequences",
    caption=f"Three sequences, drawn on this page: {n} items of a vector (circle, its letter is the class) and a label (square), then the query, and at the end the right answer. A label has the color of the class it belongs to. In the tests an item's vector is overwritten: circle and square differ in color. Bottom: how alike every item is to the query; dotted, the {expected:.2f} expected within a class. The two framed places are exactly alike.",
    alt="Three rows of eight circle and square pairs followed by a query circle, an arrow and the right answer. In the two test rows a solid frame marks the right place and a dashed frame the other one, whose circle has the query's color but whose square has the other class's. Below, bars: items of the query's class are alike to it, the others are not, and the framed ones have bars of equal height.",
)

# %% [markdown]
# ## The question
#
# <span class="atlas-origin">paper</span> The task is that of Wu 2025 {cite}`wu2025`. A sequence is $x_1\,y_1\,x_2\,y_2 \dots x_n\,y_n\,x_{\text{query}}$ with $n = 8$ items, $17$ tokens of dimension $d = 64$.
# A vector $x$ belongs to one of $K = 2048$ classes, $x = (\mu_k + \varepsilon\eta)/\sqrt{1+\varepsilon^2}$ with $\varepsilon = 0.75$, and every class has one of $L = 32$ labels. A sequence holds two classes, each $B = 4$ times, in random order. The network is to give the label of the query's class.
#
# It can do so in two ways.
#
# - **From its weights.** A class keeps its label for all of training, so 2048 of them can be learned by heart. The labels in the sequence are then not needed.
# - **From the context.** Find an item like the query and copy its label. This works for classes that were never seen.
#
# Tests use *novel classes* only, with fresh means and fresh labels. Nothing about them is in the weights. Accuracy on novel classes therefore measures the second way.
#
# The **bias** shows where two items compete. One vector stands at places $a$ and $b$ with two labels, and
#
# $$
# \mathrm{gap}(a, b) = \mathrm{acc}(\text{the label at } a \text{ is right}) - \mathrm{acc}(\text{the label at } b \text{ is right}) .
# $$ (eq-task-gap)
#
# A positive gap says that the network follows the earlier place. The places are *first* (item 1), *middle* (item 5, as the official code counts) and *last* (item 8), so there are three gaps and six test sets.
#
# ## How large can a gap be?
#
# Not 1. The test sequences keep the burstiness of training, so the two places often hold one class to begin with, and then nothing is in conflict.
#
# ````{prf:proposition} The ceiling of the gap
# :label: prop-gap-ceiling
#
# <span class="atlas-origin">derived here</span> With $n$ items, every class $B$ times and $L$ labels, no network has an expected gap above
#
# $$
# \frac{n-B}{n-1}\Bigl(1 - \frac1L\Bigr) .
# $$ (eq-task-ceiling)
# ````
#
# ````{prf:proof}
# Given the class at $a$, of the $n-1$ other items $B-1$ have the same class. So $b$ has another one with probability $(n-B)/(n-1)$, and that class has another label with probability $1 - 1/L$.
# Otherwise the two places have one label, which is the target in both tests, and one vector after the overwriting. Both tests draw every such sequence equally often, so these add nothing to the gap.
# ````

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(2)
world = draw_world(quiet, generator)
measured = on_tests(quiet, world, sequences, generator)
accuracy = measured.set_index(["quantity", "test"])["value"]
one_label = accuracy["one label"]

ceiling = (n - B) / (n - 1) * (1 - 1 / L)
known = ledger.named("wu2025-gap-ceiling").measured
printed = printed_gaps()
share = one_label.mean()
say("task-ceiling", probability(ceiling))
say("task-ceiling-live", probability(1 - share))
say("task-ceiling-error", probability(math.sqrt(share * (1 - share) / (sequences * len(one_label)))))
say("task-ceiling-ledger", probability(known["ceiling"].value))
say("task-ceiling-paper", probability(printed["value"].abs().max(), 3))
say("task-sequences", f"{len(one_label) * sequences:,}")
agrees = abs(known["ceiling"].value - ceiling) <= known["ceiling"].tolerance
say("task-ceiling-agrees", "the same" if agrees else "which differs from the formula")
say("task-test-error", probability(math.sqrt(0.5 / 10_000), 3))

# %% [markdown]
# *The check.* The formula gives {glue:text}`task-ceiling`; the {ref}`ledger <ledger-wu2025-gap-ceiling>` has {glue:text}`task-ceiling-ledger`, {glue:text}`task-ceiling-agrees`. In {glue:text}`task-sequences` test sequences drawn on this page a share {glue:text}`task-ceiling-live` (standard error {glue:text}`task-ceiling-error`) has two labels at the two places.
#
# *What the paper prints.* Its largest gap is {glue:text}`task-ceiling-paper`. Two accuracies on 10,000 sequences leave a gap a standard error of up to {glue:text}`task-test-error`, so this bar touches the ceiling. **A gap of .55 is complete position bias, not half of it.**
#
# ## What simple rules would give
#
# Where there is a conflict, four items of the query's class carry the right label and only one, the overwritten one, the wrong label. So a network may be right every time, in both tests. It only has to count. The table has rules that need no training <span class="atlas-origin">ours</span>.

# %% tags=["hide-input"]
table = [
    "| copies the label of | novel classes | first − middle | first − last | middle − last |",
    "|:--|--:|--:|--:|--:|",
]
for rule in RULES:
    cells = [probability(accuracy[rule, "novel"], 3)]
    for gap in GAPS:
        earlier, later = sides(gap)
        cells.append(thousandths(accuracy[rule, earlier] - accuracy[rule, later]))
    table.append(f"| {'the ' if 'item' not in rule else 'a '}{rule} | {' | '.join(cells)} |")
display(Markdown("\n".join(table)))
guesses = guessing(task)
say("task-guess-accuracy", probability(guesses["a label of the sequence"][0], 3))
say("task-blind-accuracy", probability(guesses["any label"][0], 3))
say("task-rule-sequences", f"{sequences:,}")
say("task-solved", probability(solved, 2))

# %% [markdown]
# ({glue:text}`task-rule-sequences` sequences without noise for every accuracy.) Three things to keep in mind when you read a gap.
#
# - *No bias is not ignorance.* Counting and guessing both have gaps of zero. Only accuracy on novel classes tells them apart.
# - *Complete bias to one place shows in two gaps of three.* Whoever copies the first match has nothing to choose between middle and last: an earlier match decides.
# - *One half is a guess.* A network that has learned to name one of the two labels in the sequence, and compares nothing, is right in {glue:text}`task-guess-accuracy` of the cases (what loss it has is {ref}`an exercise <ex-task-two-labels>`). Knowing nothing gives {glue:text}`task-blind-accuracy`. On this page the context counts as *used* from {glue:text}`task-solved` on, about halfway from that guess to 1.
#
# ## The network, and how it is trained here
#
# <span class="atlas-origin">paper</span> Single-head attention layers of width 64 without bias, with or without a residual, then three ReLU layers and a readout on the last token. AdamW, learning rate $10^{-3}$, batches of 128 sequences.
#
# <span class="atlas-origin">ours</span> Such a network is too small to keep a processor busy. So many are trained at once, with stacked parameters, and four exact folds leave out work that cannot change the answer:
#
# 1. queries and keys meet through one matrix, $W_Q W_K^\top$ (with RoPE they cannot);
# 2. only the last token is read out, so the last layer looks from there alone;
# 3. vectors are pooled first and projected by $W_V$ afterwards, one projection instead of seventeen in the last layer;
# 4. and that projection waits as long as it can: without residual for the very end, because a product of value matrices is one matrix and the layers before it are a {doc}`rollout </_executed/foundations/rollout>`; with residual for the last layer.
#
# Every model has its own seed, world, first weights and sequences. It must become the same model whether it trains alone or beside others.

# %% tags=["hide-input"]
apart, moved = together_or_alone(AttentionOnly(residual=True), task, range(3), steps)
say("task-together-steps", f"{steps}")
say("task-together-apart", short(apart))
say("task-together-moved", f"{moved:.2f}")
say("task-printed-steps", f"{PRINTED_STEPS:,}")
say("task-enough", probability(retrieval.ENOUGH, 2))
longest = max(config.steps for config in retrieval.configurations("paper").values())
say("task-longest", f"{longest:,}")
say("task-models", f"{len(retrieval.configurations('paper'))}")
plan = costs()
say("task-hours-left", number(plan["hours_left"].sum(skipna=False), ".0f"))
lines_of_plan = [
    f"| {row.vocabulary} | {row.depth} | {row.encoding} | {row.trainings} | {row.stored} | {number(row.hours_each, '.1f')} | {number(row.hours_left, '.0f')} |"
    for row in plan.itertuples()
]
heads = "| vocabulary | layers | encoding | trainings | stored | core-hours each, at most | core-hours left |\n|:--|--:|:--|--:|--:|--:|--:|"
display(
    Markdown(
        ":::{dropdown} What the plan costs\n"
        + "\n".join([heads, *lines_of_plan])
        + "\n\nCore-hours are the experiment's own estimate of what networks cost beside one another, times the median of what the stored trainings took. They ran on a machine with other work, and of a training that was interrupted the last part alone is counted: a rough number.\n:::"
    )
)

# %% [markdown]
# *The check.* Three models, trained together and each alone, for {glue:text}`task-together-steps` steps on this page: parameters move by up to {glue:text}`task-together-moved`, and the largest difference between the two ways is {glue:text}`task-together-apart`.
#
# **One result is one model**, a setting and a seed, with the trajectory of its training: loss, accuracies and gaps at 100, 200, 500 steps and so on. So a gap can be read at any length of training. The book's plan has {glue:text}`task-models` models, of which some {glue:text}`task-hours-left` core-hours are left; {doc}`/running_sweeps` says how they are trained.
#
# **When does a training end?** The paper's text says {glue:text}`task-printed-steps` iterations, the official code says 50,000 or 150,000 ({ref}`ledger <ledger-wu2025-iterations>`). We stop at the first multiple of {glue:text}`task-printed-steps` at which the accuracy on novel classes is at least {glue:text}`task-enough`, and at {glue:text}`task-longest` in any case. This rule was fixed before the first training and does not look at gaps. Where the two lengths differ we show both.
#
# ## How the bias emerges
#
# Six kinds of network: no positional encoding, a decay mask, RoPE, each with and without residual, at depth 2. (Which command made which of the paper's bars is not recorded, and two flags of the official code do not do what their names say: {ref}`residual <ledger-wu2025-not-res>`, {ref}`decay <ledger-wu2025-decay-flag>`. Ours are what the paper's labels say.)

# %% tags=["hide-input"]
ENCODINGS = {"none": "no encoding", "decay": "decay", "rope": "RoPE"}
setting = {"train_bias": "unbiased", "mask": "causal", "depth": 2}
models = Models(names(**setting), profile, compute)
found = {gap: stages(models, gap, solved) for gap in GAPS}
bars = printed[(printed["train_bias"] == "unbiased") & (printed["depth"] == 2)]


def draw(residual):
    """The emergence of the three encodings, with or without residual."""
    shown, columns, paper = Models(names(**setting, residual=residual), profile, compute), {}, {}
    for encoding, title in ENCODINGS.items():
        columns[title] = curves(shown, names(**setting, residual=residual, position_encoding=encoding))
        row = bars[(bars["position_encoding"] == encoding) & (bars["residual"] == int(residual))]
        paper[title] = row.set_index("gap")["value"].to_dict()
    figure = plt.figure(figsize=(7.2, 6.6))
    emergence(
        figure,
        columns,
        PRINTED_STEPS,
        paper,
        dict(zip(("any label", "one of two"), guesses.values(), strict=True)),
    )
    words = "with" if residual else "without"
    counts = [f"{title}: {len(columns[title]['loss'])}" for title in columns]
    figures.show(
        figure,
        name=f"task-emergence-{words}",
        caption=f"Training {words} residual, one line for every model ({', '.join(counts)}), a dot at its end. Vertical line: the paper's {PRINTED_STEPS:,} steps; circles on it: the gaps that the paper prints. Dotted: what guessing reaches, any label or one of the two in the sequence.",
        alt=f"Three columns of panels over training steps on a logarithmic axis, {words} residual: gaps, accuracy and loss for no encoding, decay and RoPE. Where models are trained, accuracy on novel classes climbs from one thirty-second past one half and the loss falls; open circles mark the paper's gaps at 100,000 steps. Panels without models say: not trained yet.",
        provenance=shown.provenance,
    )


draw(True)

# %% tags=["hide-input"]
draw(False)

# %% tags=["hide-input"]
lead = found["first_vs_last"]
heads = (
    "| network | models | context used from step | accuracy on novel classes at 100,000 | at the end |",
    "| gap first − last | before | at 100,000 | at the end | paper |",
)
tables = [[head, "|:--|--:|--:|--:|--:|"] for head in heads]
for residual in (True, False):
    for encoding, title in ENCODINGS.items():
        part = lead[(lead["position_encoding"] == encoding) & (lead["residual"] == residual)]
        row = bars[(bars["position_encoding"] == encoding) & (bars["residual"] == int(residual))].set_index("gap")
        network = f"{title}, {'residual' if residual else 'no residual'}"
        accuracies, gaps = [
            [spread(part, name) for name in pair] for pair in (("accuracy_printed", "accuracy_end"), ("printed", "end"))
        ]
        before = (
            f"{thousandths(part['least_before'].min())} to {thousandths(part['most_before'].max())}"
            if len(part)
            else "–"
        )
        tables[0].append(f"| {network} | {len(part)} | {steps_in_words(part)} | {' | '.join(accuracies)} |")
        tables[1].append(
            f"| {network} | {before} | {' | '.join(gaps)} | {thousandths(row['value']['first_vs_last'])} |"
        )
display(Markdown("\n".join([*tables[0], "", *tables[1]])))

say("task-logit-ratio", f"{ledger.named('wu2025-input-variance').measured['logit_ratio'].value:g}")
say("task-when", emerged_words(lead, len(models.missing)))
say("task-turned", turned_words(found))
lengths = at_both_lengths(models.report)
say("task-lengths", lengths_words(lengths))

# %% [markdown]
# (Means over models, the extreme ones in parentheses. *Before* has the smallest and the largest gap that any of the models had before its context was used.)
#
# *When.* {glue:text}`task-when`.
#
# *Before and after.* {glue:text}`task-turned`. A sign counts here if the gap exceeds four standard errors of the tests, before and at the end. A network that is still guessing may have gaps already, and they need not be those of the finished one.
#
# *What the paper prints.* <span class="atlas-origin">paper</span> Values after 100,000 iterations, the circles in the figures, means over five runs. {glue:text}`task-lengths`.
#
# ## What else matters
#
# ### Variance 1/d or standard deviation 1/d
#
# <span class="atlas-origin">paper</span> Components of means and labels have variance $1/d$. <span class="atlas-origin">official code</span> They have standard deviation $1/d$, so a token is $\sqrt d = 8$ times shorter and logits start {glue:text}`task-logit-ratio` times smaller ({ref}`ledger <ledger-wu2025-input-variance>`). Everything above follows the code.

# %% tags=["hide-input"]
text = Models(names(**setting, scale="text"), profile, compute)
scales = Models(names(**setting, residual=True, scale=["code", "text"]), profile, compute)
figure, grid = plt.subplots(2, 3, figsize=(7.2, 4.6), sharex=True, sharey="row")
kinds = (("code", "blue", "-", "standard deviation 1/d"), ("text", "orange", (0, (4, 1.5)), "variance 1/d"))
for column, (encoding, title) in zip(grid.T, ENCODINGS.items(), strict=True):
    for scale, color, line, _ in kinds:
        drawn = curves(scales, names(**setting, position_encoding=encoding, residual=True, scale=scale))
        for axes, quantity in zip(column, ("in_context", "first_vs_last"), strict=True):
            lines(axes, drawn[quantity], color, line)
    for axes in column:
        steps_axis(axes, PRINTED_STEPS)
        if len(axes.lines) == 1:  # the mark alone
            not_yet(axes)
    column[0].set_title(title)
    column[1].set_xlabel("training steps")
    levels(column[0], {"": guesses["a label of the sequence"][0]})
    column[1].axhline(0, color=figures.PALETTE["muted"], linewidth=0.8)
grid[0, 0].set_ylabel("accuracy, novel classes")
grid[1, 0].set_ylabel("gap first − last")
figure.legend(
    handles=[handle(label, color, line) for _, color, line, label in kinds], loc="outside upper center", ncols=2
)
figures.show(
    figure,
    name="task-variance",
    caption="The two conventions, depth 2 with residual, one line for every model. Dotted: the accuracy of naming one of the two labels in the sequence.",
    alt="Two rows of three panels over training steps: accuracy on novel classes and the gap between first and last place, for no encoding, decay and RoPE. Solid blue lines are the code's convention, dashed orange ones the text's. Panels without models say: not trained yet.",
    provenance=scales.provenance,
)
say("task-scale-code", used_words(lead))
say("task-scale-text", used_words(stages(text, "first_vs_last", solved)))
say("task-scale-verdict", scales_words(lengths, at_both_lengths(text.report, "text")))

# %% [markdown]
# - *Standard deviation $1/d$*: {glue:text}`task-scale-code`.
# - *Variance $1/d$*: {glue:text}`task-scale-text`.
#
# {glue:text}`task-scale-verdict`.
#
# ### Learning rate, first weights, and what a seed draws
#
# Other choices could decide a gap as well <span class="atlas-origin">ours</span>. We try them on one network, depth 2 with residual and no encoding. What a seed draws needs a word: in the official code all runs of one command start from the same weights and see the places in the same order; only the vectors and labels of the classes differ ({ref}`ledger <ledger-wu2025-shared-start>`). *World only* are runs of this kind. Our other runs draw everything anew. *First weights* are those of the attention layers, times a factor.

# %% tags=["hide-input"]
one = setting | {"position_encoding": "none", "residual": True}
plan = retrieval.configurations("paper")
usual, varied = names(**one), names(**one, varied="world")
worlds = [usual[0], *varied]  # seed 0 draws the same either way
factors = sorted({config.initial_scale for config in plan.values()} - {1.0})
scaled = {f"times {factor:g}": names(**one, initial_scale=factor) for factor in factors}
KINDS = {
    "learning rate": {"0.001": usual, "0.0003": names(**one, learning_rate=3e-4), "0.003": names(**one, learning_rate=3e-3)},
    "what a seed draws": {"everything": usual, "world only": worlds},
    "first weights": {"times 1": usual, **scaled},
}  # fmt: skip
looks = (("blue", "-"), ("orange", (0, (4, 1.5))), ("green", (0, (1, 1))), ("purple", (0, (5, 1, 1, 1))))
every = [point for kinds in KINDS.values() for points in kinds.values() for point in points]
variants = Models(list(dict.fromkeys(every)), profile, compute)
figure, grid = plt.subplots(2, len(KINDS), figsize=(7.2, 5.0), sharex=True, sharey="row")
for column, (title, kinds) in zip(grid.T, KINDS.items(), strict=True):
    handles = []
    for (label, points), (color, line) in zip(kinds.items(), looks, strict=False):
        drawn = curves(variants, points)
        handles.append(handle(label if drawn["in_context"] else f"{label}: not yet", color, line))
        for axes, quantity in zip(column, ("in_context", "first_vs_last"), strict=True):
            lines(axes, drawn[quantity], color, line)
    for axes in column:
        steps_axis(axes, PRINTED_STEPS)
        if len(axes.lines) == 1:  # the mark alone
            not_yet(axes)
    column[0].legend(handles=handles, loc="upper left")
    column[0].set_title(title)
    column[0].set_ylim(0, 1.45)
    column[0].set_yticks([0, 0.5, 1])
    column[1].set_xlabel("training steps")
    column[1].axhline(0, color=figures.PALETTE["muted"], linewidth=0.8)
grid[0, 0].set_ylabel("accuracy, novel classes")
grid[1, 0].set_ylabel("gap first − last")
figures.show(
    figure,
    name="task-variants",
    caption="What else may decide a gap: depth 2 with residual, no encoding, one line for every model. Solid blue are the same runs in every column; of these, seed 0 is a run of *world only* too.",
    alt="Two rows of panels over training steps: accuracy on novel classes and the gap between first and last place, for other learning rates, for runs that vary the world only, and for other sizes of the first weights. Panels without models say: not trained yet.",
    provenance=variants.provenance,
)

# %% tags=["hide-input"]
stage = stages(variants, "first_vs_last", solved)
compared = {
    (title, label): stage[stage["point"].isin(points)]
    for title, kinds in KINDS.items()
    for label, points in kinds.items()
}
table = [
    "| | | models | context used from step | first − last at 100,000 | at the end | against the usual runs |",
    "|:--|:--|--:|--:|--:|--:|:--|",
]
base = compared["learning rate", "0.001"]
for (title, label), rows in compared.items():
    verdict = "the usual runs" if KINDS[title][label] == usual else shift_words(rows, base)
    table.append(
        f"| {title} | {label} | {len(rows)} | {steps_in_words(rows)} | {spread(rows, 'printed')} | {spread(rows)} | {verdict} |"
    )
display(Markdown("\n".join(table)))
say("task-world", seeds_words(compared["what a seed draws", "everything"], compared["what a seed draws", "world only"]))

# %% [markdown]
# *What the spread of "five runs" is.* {glue:text}`task-world`. A standard deviation over so few runs is itself very uncertain; take it as a first look.
#
# ## What to do with it
#
# - **Know the ceiling before you read a gap.** Here it is {glue:text}`task-ceiling`, because almost half of the test sequences hold no conflict. For your own test sets, count conflicts first.
# - **Report accuracy beside the gap.** A gap of zero is what counting gives, and guessing too.
# - **Look at the trajectory, not at one step.** If accuracy on novel classes is still rising, the gap is a number on its way.
# - **Choose the length of training by something that is not the gap.** We use accuracy on novel classes; any rule fixed beforehand will do.
#
# The next pages use the same models: {doc}`/_executed/position_bias/depth_and_encoding`, {doc}`/_executed/position_bias/training_data`, {doc}`/_executed/position_bias/trained_maps`, {doc}`/_executed/position_bias/sinks`.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} A higher ceiling
# :label: ex-task-ceiling
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Suppose every class came twice in a sequence instead of four times ($B = 2$, still 8 items and 32 labels). What would be the largest expected gap?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-task-ceiling
# :class: dropdown
# :label: sol-task-ceiling
# ```

# %% [markdown]
# Of the seven other items one has the class of the first place, six have another class, and that class has another label in 31 of 32 cases.

# %%
print(exercises.check_ceiling(6 / 7 * 31 / 32))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Guessing between two
# :label: ex-task-two-labels
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A network has learned to see which two labels a sequence holds, but not which one belongs to the query. What loss, in nats, does it reach on the training sequences at best? Find this level in the bottom row of {numref}`fig-task-emergence-with`.

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-task-two-labels
# :class: dropdown
# :label: sol-task-two-labels
# ```

# %% [markdown]
# It gives both labels the probability ½, which costs $\log 2$. In one of 32 sequences both classes have one label; then it is certain and pays nothing.

# %%
print(exercises.check_two_labels(31 / 32 * math.log(2)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Whoever copies the last match
# :label: ex-task-last-match
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 20 minutes
#
# A network copies the label of the *last* item whose class is the query's. It looks to the end as strongly as one can. What is its gap first − middle? (The middle is item 5 of 8. Vectors are without noise.) The table of simple rules has it from drawn sequences; find its exact value. *Hint:* which arrangements of the query's class make the overwritten item decide?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-task-last-match
# :class: dropdown
# :label: sol-task-last-match
# ```

# %% [markdown]
# With the middle right, the last match is item 5 or later, never item 1: always correct. With the first right, the overwritten item 5 decides only if it is the last match, so none of items 6 to 8 has the query's class.
# Then its three other items are exactly 2, 3 and 4: one of $\binom73 = 35$ arrangements, and the label is wrong in 31 of 32 cases. The test between first and middle hardly sees a network that looks at the end.

# %%
arrangements = list(torch.combinations(torch.arange(1, 8), 3).tolist())  # items 2 to 8, counted from 0
lost = sum(max(rest) < 4 for rest in arrangements) / len(arrangements)
print(exercises.check_last_match(-lost * 31 / 32))

# %% [markdown]
# ```{solution-end}
# ```

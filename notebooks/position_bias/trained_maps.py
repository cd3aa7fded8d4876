# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # What trained maps look like
#
# The theorems of this chapter multiply attention maps that nobody trained. What do the maps of a trained network look like, and does the product still say where the network looks?
#
# {numref}`fig-trained-maps-grid` has the mean maps of causal networks of two layers without positional encoding (Figures 9 and 20 of the paper {cite}`wu2025`), and before them the same network at its first step. The tokens are vector, label, vector, label, …, and the query: odd tokens are vectors, even ones
# labels, token 17 is the query.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing models are trained
compute: bool = False  # train models that are not stored
sequences: int = 500  # sequences on which the networks before training are measured

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, figures
from attention_atlas.drawing.maps import map_grid, mark_tokens, query_legend, query_row
from attention_atlas.drawing.sinks import NOT_YET
from attention_atlas.exercises import position_bias_trained_maps as exercises
from attention_atlas.experiments.retrieval import Config, prepared
from attention_atlas.outcomes.retrieval_gaps import beside, vocabularies
from attention_atlas.outcomes.retrieval_maps import (
    class_shares,
    item_differences,
    known_maps,
    most_grown,
    moved_share,
    one_sequence,
    reading_shares,
)
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import Models, names
from attention_atlas.rollout import rollout, rollout_power
from attention_atlas.tasks.retrieval import Task
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.wording import probability, say, short, signed

figures.style()
SETTINGS = {
    "no residual": {"residual": False},
    "residual": {"residual": True},
    "residual,\nfixed vocabulary": {"residual": True, "vocabulary": "fixed"},
}
chosen = {"train_bias": "unbiased", "mask": "causal", "position_encoding": "none", "depth": 2}
models = Models([point for setting in SETTINGS.values() for point in names(**chosen, **setting)], profile, compute)
before = prepared([Config(residual=True)]).mean_maps(sequences)[0]
seeds = {title: known_maps(models, **setting) for title, setting in SETTINGS.items()}
trained = {title: torch.stack(list(maps.values())).mean(0) if maps else None for title, maps in seeds.items()}
short_name = {title: title.replace("\n", " ") for title in SETTINGS}
counts = "; ".join(f"{short_name[title]}: {len(maps)}" for title, maps in seeds.items())

figure = plt.figure(figsize=(7.2, 3.9))
grid = [[before[layer], *(None if maps is None else maps[layer] for maps in trained.values())] for layer in range(2)]
map_grid(figure, grid, ["before training", *SETTINGS], ["layer 1", "layer 2"])
figures.show(
    figure,
    "trained-maps-grid",
    f"Attention maps of two layers, mean over 10,000 sequences of trained classes (before training {sequences}) and over seeds (how many: {counts}); logarithmic colors. Rows are queries, columns keys. A mean shows what holds for all of them; one sequence, as in the paper, comes below.",
    "Two rows of four triangular maps. Before training every row is uniform over the tokens that it sees, darker the longer the row. The maps of trained networks follow where there are any.",
    models.provenance,
)
away = (before - flat_map(17)).abs().max().item()
say("maps-away", short(away))

# %% [markdown]
# Before training the maps are uniform: the largest deviation of any mean weight is {glue:text}`maps-away`. Inputs of length ⅛, the scale of the official code, make logits near zero, so the network starts as the Cesàro matrix of {prf:ref}`prop-cesaro`, and all that the other maps have is learned.
#
# A caution: which items hold the query's class changes from sequence to sequence, so a mean over sequences cannot show that a network finds them. It shows what a network does *by position and kind of token*, and that is where a position bias lives.
#
# ## Who looks at what

# %% tags=["hide-input"]
plain = reading_shares(before[1]).loc["query"]
lines = [
    "| network | layer | reader | token 1 | vectors | labels | the token before | itself |",
    "|:--|--:|:--|--:|--:|--:|--:|--:|",
]
readings = [("before training", "1, 2", before[0])]  # uniform in both
for title, maps in trained.items():
    layers = [("–", None)] if maps is None else enumerate(maps, 1)
    readings += [(short_name[title], layer, weights) for layer, weights in layers]
for network, layer, weights in readings:
    if weights is None:
        lines.append(f"| {network}: {NOT_YET} |{' – |' * 7}")
        continue
    for reader, shares in reading_shares(weights).iterrows():
        lines.append(f"| {network} | {layer} | {reader} | {' | '.join(probability(share, 3) for share in shares)} |")
display(Markdown("\n".join(lines)))
sentences = []
for title, maps in trained.items():
    if maps is None:
        sentences.append(f"*{short_name[title].capitalize()}:* {NOT_YET}.")
        continue
    grown = []
    for layer in range(2):
        reader, read, share, factor = most_grown(maps[layer], before[layer])
        grown.append(
            f"In layer {layer + 1} the reading that grew most is that of the {reader}: {probability(share, 3)} of it goes to {read}, {factor:.1f} times as much as before training."
        )
    query = reading_shares(maps[1]).loc["query"]
    labels = [reading_shares(each[1]).loc["query", "labels"] for each in seeds[title].values()]
    spread = (
        f"seeds from {probability(min(labels), 3)} to {probability(max(labels), 3)}" if len(labels) > 1 else "one seed"
    )
    sentences.append(
        f"*{short_name[title].capitalize()}:* {' '.join(grown)} There the query gives {probability(query['labels'], 3)} of its weight to labels ({spread}; {probability(plain['labels'], 3)} before training), "
        f"{probability(query['vectors'], 3)} to vectors, of which {probability(query['token 1'], 3)} to token 1, and {probability(query['itself'], 3)} to itself."
    )
display(Markdown("\n\n".join(sentences)))

# %% [markdown]
# The table gives the mean weight from each kind of reader to each kind of token; token 1 is one of the vectors, and the token before a label is its own vector. The sentences are computed.
#
# ## One sequence
#
# What the mean hides, one sequence shows ({numref}`fig-trained-maps-one`, the paper's own picture): whether the network *finds* the items of the query's class. They have marks above their columns, four vectors, each with its label, and the query.

# %% tags=["hide-input"]
SHOWN = {title: setting for title, setting in SETTINGS.items() if setting["residual"]}
single = {title: one_sequence(models, **setting) for title, setting in SHOWN.items()}
figure = plt.figure(figsize=(7.2, 5.6))
grid = [[None if kept is None else kept[1][layer] for kept in single.values()] for layer in range(2)]
panels = map_grid(figure, grid, list(single), ["layer 1", "layer 2"])
for line in panels:
    for axes, kept in zip(line, single.values(), strict=True):
        axes.set_title(axes.get_title("left").replace("\n", " "), fontsize=10, pad=12)
        if kept is not None:
            mark_tokens(axes, kept[2])
of_seeds = "; ".join(f"{short_name[title]}: seed {kept[0]}" for title, kept in single.items() if kept is not None)
figures.show(
    figure,
    "trained-maps-one",
    f"Attention maps on a single sequence of trained classes (Figures 9 and 20 of the paper){f', {of_seeds}' if of_seeds else ''}; colors as before. Triangles: tokens of the query's class.",
    f"Two rows of maps of layers 1 and 2 on one sequence, for {len(single)} kinds of network, with triangles above the columns of the query's class.",
    models.provenance,
)

# %% tags=["hide-input"]
lines = []
for title, kept in single.items():
    for layer in range(2) if kept is not None else ():
        shares = class_shares(kept[1][layer, -1], kept[2])
        lines.append([short_name[title], f"{layer + 1}", *(probability(share, 3) for share in shares)])
heads = ["network", "layer", "vectors of its class", "other vectors", "labels of its class", "other labels", "itself"]
display(Markdown(cards.table(heads, lines) if lines else f"Networks that keep such a map: {NOT_YET}."))

# %% [markdown]
# The table has what the query gives to each kind of token in this sequence; half of the items are of its class, so a network that does not find them gives as much to both halves. How often it finds them is its accuracy on {doc}`new classes </_executed/position_bias/depth_and_encoding>`, not a picture.
#
# ## Where the query looks
#
# {numref}`fig-trained-maps-query` takes the last row of each map, which feeds the answer, and the last row of their product, the rollout $P^{(1)} = A^{(1)}A^{(0)}$ of {doc}`/_executed/foundations/rollout`; with residual $(A + I)/2$ stands for each map.

# %% tags=["hide-input"]
strength = {title: float(setting["residual"]) for title, setting in SETTINGS.items()}
rolled = {title: None if maps is None else rollout(maps, strength[title]) for title, maps in trained.items()}
figure, panels = plt.subplots(3, 3, figsize=(7.2, 5.6), sharex=True, sharey=True)
for column, title in enumerate(SETTINGS):
    each = list(seeds[title].values())
    products = [rollout(maps, strength[title]) for maps in each]
    start = [before[0], before[1], rollout(before, strength[title])]
    for row, untrained_map in enumerate(start):
        shown = rolled[title] if row == 2 else None if trained[title] is None else trained[title][row]
        of_seeds = [product[-1] for product in products] if row == 2 else [maps[row, -1] for maps in each]
        query_row(
            panels[row, column],
            None if shown is None else shown[-1],
            untrained_map[-1],
            torch.stack(of_seeds) if each else None,
        )
    panels[0, column].set_title(title, fontsize=10)
    panels[2, column].set_xlabel("token", fontsize=9.5)
for axes, name in zip(panels[:, 0], ("layer 1", "layer 2", "rollout"), strict=True):
    axes.set_ylabel(f"{name}: weight", fontsize=9.5)
query_legend(figure)
figures.show(
    figure,
    "trained-maps-query",
    "Last row of the mean maps, and of their rollout: what the query takes from each token. Logarithmic axes; bands from the least to the largest seed.",
    "Nine panels, weight of the query on 17 tokens; a dashed line for the network before training is flat in both layers and falls from the first token on in the rollout. Vectors are circles, labels squares, the query a diamond.",
    models.provenance,
)

# %% [markdown]
# ## Does the rollout see the bias?
#
# The rollout is a theory of where context comes from. It knows the maps and not the values, and it is a product of means, not the mean of products. Its prediction is crude: if the query's context holds more of the first item (vector and label) than of the last, answers should favor the first. The gap between accuracies, measured in the
# same networks, says what they really do.

# %% tags=["hide-input"]
at_start = {title: rollout(before, strength[title]) for title in SETTINGS}
lines = ["| network | | first − middle | first − last | middle − last |", "|:--|:--|--:|--:|--:|"]
agreements = []
for title, setting in SETTINGS.items():
    start = item_differences(at_start[title], Task())
    lines.append(
        f"| {short_name[title]} | rollout before training | {' | '.join(signed(start[g], '+.3f') for g in GAPS)} |"
    )
    if rolled[title] is None:
        lines.append(f"| | rollout, trained | {' | '.join([NOT_YET] * 3)} |")
        continue
    differences = item_differences(rolled[title], Task())
    gaps_of = vocabularies if "vocabulary" in setting else beside
    found = gaps_of(models.report, **chosen, residual=int(setting["residual"])).set_index("gap")["mean"]
    lines.append(f"| | rollout, trained | {' | '.join(signed(differences[g], '+.3f') for g in GAPS)} |")
    lines.append(f"| | accuracy gap, measured | {' | '.join(signed(found[g], '+.3f') for g in GAPS)} |")
    agreements += [differences[gap] * found[gap] > 0 for gap in GAPS]
display(Markdown("\n".join(lines)))
far = [
    f"{short_name[title]} {probability(moved_share(product[-1], at_start[title][-1]), 2)}"
    for title, product in rolled.items()
    if product is not None
]
say(
    "maps-agreement",
    f"The signs of rollout and gap agree in {sum(agreements)} of {len(agreements)} comparisons."
    if agreements
    else "No network of this page is trained yet, so there is nothing to compare.",
)
say(
    "maps-distance",
    f"Share of the query's context that training moved to other tokens: {', '.join(far)}." if far else "",
)

# %% [markdown]
# {glue:text}`maps-agreement` {glue:text}`maps-distance`
#
# ## What a practitioner does with it
#
# - **Lay the map of uniform attention beside a trained one.** A causal map of a network that has learned nothing is bright in its upper left corner already, and token 1 receives the most.
# - **Ask by kind of token.** Means over vectors, labels and the query are numbers that can be compared over seeds and settings; a picture of one sequence cannot.
# - **Do not trust a rollout alone.** It is right about where context *can* come from ({prf:ref}`thm-causal-collapse`); what the values make of it, an accuracy gap measures.
#
# Sinks, which are column means of the same maps: {doc}`/_executed/position_bias/sinks`.
#
# ## Exercise

# %% [markdown]
# ```{exercise-start} Labels lose with depth
# :label: ex-maps-labels
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# Before training both maps are uniform and causal, 17 tokens. What part of the query's context comes from labels, tokens 2, 4, …, 16, after one layer, and after two without residual?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-maps-labels
# :class: dropdown
# :label: sol-maps-labels
# ```

# %% [markdown]
# After one layer 8 of 17. In the second, token $j$ has $\frac1{17}\sum_{i\ge j}\frac1i$, more the earlier it stands; each label comes after its vector.

# %%
rows = [rollout_power(flat_map(17), layers)[-1] for layers in (1, 2)]
shares = [row[1::2].sum().item() for row in rows]
print([round(share, 4) for share in shares], exercises.check_label_share(shares))

# %% [markdown]
# ```{solution-end}
# ```

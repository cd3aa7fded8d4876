"""Retrieval networks in training: many models at once, and what can be measured of them at any moment.

Every model has randomness of its own, so it becomes the same model whether it trains alone or beside others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations

import torch

from attention_atlas.masks import dense, named
from attention_atlas.models.attention_only import AttentionOnly, Network, cross_entropy
from attention_atlas.outcomes.retrieval_names import ENDINGS
from attention_atlas.shapes import Bool, Float, Float64, Tensor
from attention_atlas.sinks import attention_received, sink_share_gu2025, sink_share_wu2025
from attention_atlas.tasks.retrieval import PLACES, Task, World, draw_world, normal
from attention_atlas.tasks.retrieval_sequences import spell, training_layout, training_sequences, word_vectors
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences
from attention_atlas.training.ensemble import Ensemble

CHUNK = 20  # steps of which the sequences are drawn at once; part of what a result means, for it orders the draws
HELD = 500  # test sequences at a time
WEIGHTS, WORLD, DATA, TEST = range(4)  # sources of randomness of one model


class Training:
    """Models in training on tasks of their own.

    Parameters
    ----------
    models, tasks : sequence of AttentionOnly, of Task
        One for each model; the models have one shape, the tasks one number of tokens and one kind of vocabulary.
    seeds : sequence of (int, int)
        Of each model's world (classes and labels), and of its first weights and its sequences.
    batch : int
        Sequences in a step.
    learning_rate, weight_decay : float
        Of AdamW.
    device : str
        Where to train. World and first weights are drawn on the CPU, so they do not depend on it; sequences do.
    initial_scale : sequence of float, optional
        Factor on the first weights of each model's attention layers.

    Raises
    ------
    ValueError
        If the models or tasks do not go together.
    """

    def __init__(
        self,
        models: Sequence[AttentionOnly],
        tasks: Sequence[Task],
        seeds: Sequence[tuple[int, int]],
        batch: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
        device: str = "cpu",
        initial_scale: Sequence[float] | None = None,
    ):
        if len({(task.tokens, task.vocabulary) for task in tasks}) != 1:
            raise ValueError("tasks side by side need one number of tokens and one kind of vocabulary, got several")
        self.tasks, self.batch, self.steps = tuple(tasks), batch, 0
        self.network = Network(models, tasks[0].tokens, device)
        self._seeds, self._device = tuple(seeds), device
        worlds = [draw_world(task, _generator(world, WORLD)) for task, (world, _) in zip(tasks, seeds, strict=True)]
        self.worlds = [world.to(device) for world in worlds]
        initial = self.network.initial([_generator(start, WEIGHTS) for _, start in seeds])
        for name in ("query", "key", "value"):
            for weights, factor in zip(initial[name], initial_scale or [1.0] * len(tasks), strict=True):
                weights *= factor
        self.ensemble = Ensemble(initial, self._losses, learning_rate, weight_decay)
        # On the CPU a step's sequences are spelled as it needs them, into the cache; a GPU wants few and large calls.
        self._spelled = batch if device == "cpu" else CHUNK * batch
        self._words = [word_vectors(task, world) for task, world in zip(tasks, self.worlds, strict=True)]
        self._data = [_generator(start, DATA, device) for _, start in seeds]

    def _losses(self, parameters: dict, tokens: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(self.network.logits(parameters, tokens), targets)

    def advance(self, steps: int) -> Float[Tensor, "seed"]:
        """Train a multiple of :data:`CHUNK` steps; returns each model's mean loss over them, in nats."""
        if steps % CHUNK:
            raise ValueError(f"training advances by multiples of {CHUNK} steps, got {steps}")
        for _ in range(steps // CHUNK):
            laid_out = [
                training_layout(task, world, CHUNK * self.batch, generator)
                for task, world, generator in zip(self.tasks, self.worlds, self._data, strict=True)
            ]
            shape = len(self.tasks), self._spelled, self.network.tokens, self.network.d_model
            tokens = self.worlds[0].means.new_empty(shape)
            for start in range(0, CHUNK * self.batch, self._spelled):
                block = slice(start, start + self._spelled)
                for own, task, words, (index, _), generator in zip(
                    tokens, self.tasks, self._words, laid_out, self._data, strict=True
                ):
                    spell(task, words, index[block], generator, into=own)
                targets = torch.stack([targets[block] for _, targets in laid_out])
                for batch in zip(tokens.split(self.batch, 1), targets.split(self.batch, 1), strict=True):
                    self.ensemble.step(*batch)
        self.steps += steps
        return self.ensemble.mean_loss()

    @torch.no_grad()
    def accuracies(self, sequences: int) -> list[dict[str, float]]:
        """Accuracy of each model on each kind of test, from the same sequences at every call.

        Parameters
        ----------
        sequences : int
            Of each kind.

        Returns
        -------
        list of dict
            For each model: ``training`` (trained classes), ``in_context`` (novel ones, which only the context tells),
            both asked about the places that the model is trained on, and ``a_over_b`` for any two places, where both
            hold one vector and the label at a is right. Where a vocabulary is fixed, ``a_over_b_redrawn`` too: every
            such test has a shared direction of its own in place of the trained one, as in the *official code*.
        """
        pairs = list(permutations(PLACES, 2))
        fixed = self.tasks[0].vocabulary == "fixed"
        endings = ENDINGS if fixed else ENDINGS[:1]
        kinds = ["training", "in_context", *(f"{a}_over_{b}{ending}" for ending in endings for a, b in pairs)]
        right = torch.zeros(len(self.tasks), len(kinds), dtype=torch.int64, device=self._device)
        generators = [_generator(start, TEST, self._device) for _, start in self._seeds]
        worlds = [[world] for world in self.worlds]
        if fixed:
            for own, task, generator in zip(worlds, self.tasks, generators, strict=True):
                own += [_redirected(own[0], task, generator) for _ in pairs]

        def draws(
            task: Task, worlds: list[World], generator: torch.Generator, size: int
        ) -> Iterator[tuple[Tensor, Tensor]]:
            trained, *redrawn = worlds
            yield training_sequences(task, trained, size, generator)
            yield novel_sequences(task, trained, size, generator, task.places)
            for world, (a, b) in zip([trained] * len(pairs) + redrawn, pairs * len(endings), strict=True):
                yield conflict_sequences(task, world, task.place(a), task.place(b), size, generator)

        for start in range(0, sequences, HELD):
            size = min(HELD, sequences - start)
            each = [draws(*one, size) for one in zip(self.tasks, worlds, generators, strict=True)]
            for kind, drawn in enumerate(zip(*each, strict=True)):
                tokens, targets = (torch.stack(part) for part in zip(*drawn, strict=True))
                answers = self.network.logits(self.ensemble.parameters, tokens).argmax(-1)
                right[:, kind] += (answers == targets).sum(1)
        return [dict(zip(kinds, row, strict=True)) for row in (right.cpu().double() / sequences).tolist()]

    @torch.no_grad()
    def sinks(self, sequences: int) -> list[dict[str, Float[Tensor, "key"]]]:
        """How much attention each token receives, in each model, on sequences of trained classes asked everywhere.

        Parameters
        ----------
        sequences : int
            How many.

        Returns
        -------
        list of dict
            For each model ``received`` (mean weight from the queries that see the token), ``sink_wu2025`` and
            ``sink_gu2025``, shares at a threshold of 0.2 (see :mod:`attention_atlas.sinks`), means over layers.
        """
        found = [dict.fromkeys(("received", "sink_wu2025", "sink_gu2025"), 0.0) for _ in self.tasks]
        for model, (maps, size) in self._maps(sequences):
            mask = self._mask(model)
            found[model]["received"] += attention_received(maps, mask).mean((0, 1)) * size / sequences
            found[model]["sink_wu2025"] += sink_share_wu2025(maps, mask) * size / sequences
            found[model]["sink_gu2025"] += sink_share_gu2025(maps, mask) * size / sequences
        return found

    @torch.no_grad()
    def mean_maps(self, sequences: int) -> list[Float[Tensor, "layer query key"]]:
        """Each model's attention maps, mean over sequences as in :meth:`sinks`."""
        found = [0.0] * len(self.tasks)
        for model, (maps, size) in self._maps(sequences):
            found[model] = found[model] + maps.mean(0) * size / sequences
        return found

    @torch.no_grad()
    def one_map(self) -> list[tuple[Float64[Tensor, "layer query key"], Bool[Tensor, "key"]]]:
        """Each model's attention maps on one sequence of trained classes, asked everywhere.

        Returns
        -------
        list of (Tensor, Tensor)
            For each model its maps, rows summing to 1, and which tokens are of the query's class: vector and label of
            every item of it, and the query itself.
        """
        generators = [_generator(start, TEST, self._device) for _, start in self._seeds]
        everywhere = [replace(task, places=()) for task in self.tasks]
        each = list(zip(everywhere, self.worlds, self._words, generators, strict=True))
        laid_out = [training_layout(task, world, 1, generator)[0] for task, world, _, generator in each]
        drawn = [spell(task, words, index, g) for (task, _, words, g), index in zip(each, laid_out, strict=True)]
        maps = self.network.attention_maps(self.ensemble.parameters, torch.stack(drawn))[:, 0].double().cpu()
        classes = torch.stack(laid_out)[:, 0, 0::2].cpu()  # of every item, and of the query
        asked = (classes == classes[:, -1:]).repeat_interleave(2, dim=1)[:, :-1]
        return list(zip(maps / maps.sum(-1, keepdim=True), asked, strict=True))

    def _maps(self, sequences: int) -> Iterator[tuple[int, tuple[Tensor, int]]]:
        """Maps of a few sequences at a time, in float64 on the CPU, with the model's index."""
        generators = [_generator(start, TEST, self._device) for _, start in self._seeds]
        everywhere = [replace(task, places=()) for task in self.tasks]
        for start in range(0, sequences, HELD):
            size = min(HELD, sequences - start)
            drawn = [
                training_sequences(*one, size, g)[0]
                for *one, g in zip(everywhere, self.worlds, generators, strict=True)
            ]
            maps = self.network.attention_maps(self.ensemble.parameters, torch.stack(drawn)).double()
            for model, of_model in enumerate(maps):
                yield model, ((of_model / of_model.sum(-1, keepdim=True)).cpu(), size)

    def _mask(self, model: int) -> Tensor:
        shape = self.network.models[model]
        return dense(named(shape.mask, shape.mask_parameter, self.network.tokens), self.network.tokens)

    def state(self) -> dict:
        """All that training goes on from."""
        data = [generator.get_state() for generator in self._data]
        return {"steps": self.steps, "ensemble": self.ensemble.state(), "data": data}

    def load(self, state: dict) -> None:
        """Go on from a state."""
        self.steps = state["steps"]
        self.ensemble.load(state["ensemble"])
        for generator, kept in zip(self._data, state["data"], strict=True):
            generator.set_state(kept.cpu())


def _generator(seed: int, source: int, device: str = "cpu") -> torch.Generator:
    """One of the sources of randomness that belong to a seed."""
    return torch.Generator(device).manual_seed(4 * seed + source)


def _redirected(world: World, task: Task, generator: torch.Generator) -> World:
    """The same world but for the direction that all vectors of its vocabulary share."""
    return replace(world, shared=normal(world.shared.shape, task.deviation, generator, world.shared.dtype))

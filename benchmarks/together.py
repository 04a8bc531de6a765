"""Many trainings at once, on one GPU, in PyTorch: the pairs, and what the ingredients are worth.

On two cores the pairs and the studies take days; here they take minutes. Each training has its own
recipe, batches and curriculum, as with ``aalprivacy train``. Its arrays become a pair with `land`.

Usage::

    python benchmarks/together.py train OUT pairs ingredients    # needs PyTorch with CUDA
    python benchmarks/together.py train OUT paper --seconds 300
    python benchmarks/together.py land OUT FOLDER                # needs TensorFlow

``train`` writes a file for each of some trainings into ``OUT``. ``land`` makes folders as those of
``aalprivacy train``, with card and small codes, and writes the curves of studies.
"""

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import shared_memory
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process that draws batches has one core

import numpy as np
import pandas as pd
import paper_recipe
import recipes

from aalprivacy import TABLE_I, Recipe, apply_policy, simulate
from aalprivacy.architecture import Architecture
from aalprivacy.curriculum import Progress
from aalprivacy.homes import N_TRAINING_USERS, TRAINING_SEED, VALIDATION_SEED
from aalprivacy.progress import console
from aalprivacy.recipe import FIRST_MOMENT, PLACE_SPREAD
from aalprivacy.runtime import count_cores
from aalprivacy.text import PAD, character_errors, from_tokens, to_lines, to_tokens, view_lines

SCHEMA = TABLE_I.schema
WIDE = SCHEMA.longest + 1
AHEAD = 4  # batches of each training that are drawn before they are needed
TESTED = 2000  # entries of each set for a pair's card, as with `aalprivacy train`
ROUND = 8  # lines are padded to a multiple of this, so that there are few graphs
SEEDS = {"family_member": 11, "doctor": 12, "caregiver": 13, "researcher": 14,
         "doctor.blind": 15, "caregiver.blind": 16, "researcher.blind": 17}  # fmt: skip


@dataclass(frozen=True)
class Training:
    """One training.

    Parameters
    ----------
    name, receiver, recipe
        What is trained.
    group
        ``pairs``, ``ingredients`` or ``paper``: whose entries it learns from, and on which samples
        it is measured.
    every
        Updates between two validations.
    """

    name: str
    receiver: str
    recipe: Recipe
    group: str
    every: int

    @property
    def architecture(self) -> Architecture:
        names = ("units", "embedding", "places", "reverse", "code_at_every_step", "blind")
        return Architecture.of(SCHEMA, **{name: getattr(self.recipe, name) for name in names})


def trainings(group: str) -> list[Training]:
    """The trainings of a group: ``pairs``, ``ingredients`` or ``paper``."""
    if group == "pairs":
        return [
            Training(n, n.split(".")[0], Recipe(seed=seed, blind=".blind" in n), group, 1000)
            for n, seed in SEEDS.items()
        ]
    named = recipes.INGREDIENTS if group == "ingredients" else paper_recipe.GPU_RECIPES
    return [Training(name, "doctor", recipe, group, 500) for name, recipe in named.items()]


def entries_of(group: str) -> pd.DataFrame:
    """The entries that a group of trainings learns from."""
    if group == "paper":
        return paper_recipe.split()[0]
    return simulate(N_TRAINING_USERS, 100, TRAINING_SEED)


def samples_of(group: str) -> dict[str, pd.DataFrame]:
    """The samples on which a training is measured along its way."""
    if group == "pairs":  # as `aalprivacy train` does
        return {"character_error": simulate(300, 1, VALIDATION_SEED)}
    return recipes.samples() if group == "ingredients" else paper_recipe.samples()


# -- what a training begins with -------------------------------------------------------------------


def first_weights(a: Architecture, recipe: Recipe, longest: int) -> dict[str, np.ndarray]:
    """New weights of a pair by name, drawn as Keras and `aalprivacy.initial` draw them.

    Keras's generator isn't used, so the numbers differ from those of the same seed in a training
    with Keras.
    """
    rng = np.random.default_rng([recipe.seed, 7])
    memory = longest if recipe.memory is None else recipe.memory
    made = {}
    for name, shape in a.shapes().items():
        _, layer, kind = name.split("/")
        if kind == "embeddings" and recipe.spread:
            spread = recipe.spread if layer == "embedding" else PLACE_SPREAD
            value = rng.normal(0, spread, shape)
        elif kind == "embeddings":
            value = rng.uniform(-0.05, 0.05, shape)
        elif kind == "recurrent_kernel":  # orthogonal
            q, r = np.linalg.qr(rng.normal(size=shape[::-1]))
            value = (q * np.sign(np.diag(r))).T
        elif kind == "kernel":  # Glorot & Bengio (2010)
            limit = np.sqrt(6 / sum(shape))
            value = rng.uniform(-limit, limit, shape)
        elif layer == "lstm":
            forget = np.log(rng.uniform(1, memory, a.units)) if memory else np.ones(a.units)
            first = -forget if memory else np.zeros(a.units)
            value = np.concatenate([first, forget, np.zeros(2 * a.units)])
        else:
            value = np.zeros(shape)
        made[name] = value.astype(np.float32)
    return made


def places_of(
    a: Architecture, tokens: np.ndarray, first: np.ndarray, ahead: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Attribute and place of each token, as the Keras models compute them.

    Parameters
    ----------
    tokens, first
        Lines ``(n, length)``, and the attribute that each begins with, ``(n,)``.
    ahead
        Whether they are those of the token that follows.
    """
    ends = tokens == a.separator
    attribute = np.cumsum(ends, axis=1) - (0 if ahead else ends) + first[:, None]
    attribute = np.minimum(attribute, a.attributes - 1)
    at = np.arange(tokens.shape[1])
    begins = np.diff(attribute, axis=1, prepend=first[:, None]) > 0
    place = at - np.maximum.accumulate(np.where(begins, at, 0), axis=1)
    return attribute, np.minimum(place, max(a.places, 1) - 1)


def reading(a: Architecture, tokens: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the encoder reads: tokens, attributes, places ``(n, length)`` in its order; lengths."""
    inside = tokens != PAD
    lengths = inside.sum(axis=1)
    read = (tokens, *places_of(a, tokens, first, ahead=False))
    if a.reverse:
        at = np.arange(tokens.shape[1])
        order = np.where(inside, lengths[:, None] - 1 - at, at)
        read = tuple(np.take_along_axis(each, order, axis=1) for each in read)
    return *read, lengths


def writing(a: Architecture, views: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the decoder gets at each step: the token before, and the next one's attribute, place."""
    before = np.pad(views[:, :-1], ((0, 0), (1, 0)), constant_values=PAD)
    return before, *places_of(a, before, first, ahead=True)


def settings_of(recipe: Recipe, update: int, rate: float) -> tuple[float, float, float, float]:
    """Adam's step, what the average keeps, beta 2, and the size of a code's noise."""
    beta, t = recipe.second_moment, update + 1
    step = rate * np.sqrt(1 - beta**t) / (1 - FIRST_MOMENT**t)
    noise = recipe.noise * max(0.0, 1 - rate / recipe.learning_rate)
    return step, recipe.averaging if update else 0.0, beta, noise


# -- drawing batches ------------------------------------------------------------------------------


def layout(models: int, size: int) -> dict[str, tuple[tuple[int, ...], type]]:
    """The arrays of a batch of all models: shape and type; time before examples."""
    line = (models, WIDE, size)
    kinds = dict.fromkeys(("read", "read_attribute", "read_place", "before", "before_attribute",
                           "before_place", "views"), (line, np.uint8))  # fmt: skip
    return kinds | {
        "counted": (line, np.bool_),
        "lengths": ((models, size), np.uint8),
        "noise": ((models, size, 2 * Recipe().units), np.float32),
    }


class Slots:
    """Shared memory for the batches of `AHEAD` updates."""

    def __init__(self, models: int, size: int, name: str | None = None) -> None:
        kinds = layout(models, size)
        sizes = [int(np.prod(s)) * np.dtype(t).itemsize for s, t in kinds.values()]
        self.memory = shared_memory.SharedMemory(name, name is None, AHEAD * sum(sizes))
        self.slots, at = [], 0
        for _ in range(AHEAD):
            slot = {}
            for (key, (shape, kind)), n in zip(kinds.items(), sizes, strict=True):
                slot[key] = np.ndarray(shape, kind, self.memory.buf, at)
                at += n
            self.slots.append(slot)


def draw(slot: dict, m: int, training: Training, examples, update: int, window: int) -> tuple:
    """Put the batch of an update into a slot; returns its window and its longest line."""
    a, batch = training.architecture, examples.batch(update, window)
    *read, lengths = reading(a, batch.entries, batch.first)
    before = writing(a, batch.views, batch.first)
    for names, arrays in (
        (("read", "read_attribute", "read_place"), read),
        (("before", "before_attribute", "before_place"), before),
        (("views", "counted"), (batch.views, ~batch.replaced)),
    ):
        for name, array in zip(names, arrays, strict=True):
            slot[name][m] = 0
            slot[name][m, : array.shape[1]] = array.T
    slot["lengths"][m] = lengths
    rng = np.random.default_rng([training.recipe.seed, 5, update])  # as in `Trainer.step`
    slot["noise"][m] = rng.standard_normal(slot["noise"][m].shape, np.float32)
    return batch.window, max(batch.entries.shape[1], batch.views.shape[1])


def serve(pipe, own: dict[int, Training], models: int, size: int, memory: str) -> None:
    """A process that draws batches of some of the trainings."""
    from aalprivacy.examples import Examples

    entries = {t.group: entries_of(t.group) for t in own.values()}
    examples = {
        m: Examples(entries[t.group], TABLE_I, t.receiver, t.recipe) for m, t in own.items()
    }
    slots = Slots(models, size, memory)
    pipe.send({m: made.fingerprint for m, made in examples.items()})
    while (request := pipe.recv()) is not None:
        m, update, window = request
        drawn = draw(slots.slots[update % AHEAD], m, own[m], examples[m], update, window)
        pipe.send((m, update, window, *drawn))


class Batches:
    """The batches of all trainings, drawn by other processes, some updates ahead."""

    def __init__(self, of: Sequence[Training], processes: int) -> None:
        size = of[0].recipe.batch_size
        self.slots = Slots(len(of), size)
        context = multiprocessing.get_context("spawn")
        self.who: list[list] = [[] for _ in of]
        owns: list[dict] = [{} for _ in range(max(1, processes))]
        for i in range(max(len(of), len(owns))):
            m, w = i % len(of), i % len(owns)
            owns[w][m] = of[m]
        self.pipes, self.processes = [], []
        for own in owns:
            here, there = context.Pipe()
            process = context.Process(
                target=serve, args=(there, own, len(of), size, self.slots.memory.name), daemon=True
            )
            process.start()
            self.pipes.append(here)
            self.processes.append(process)
            for m in own:
                self.who[m].append(here)
        self.windows: dict[tuple[int, int], int] = {}  # asked for: (model, update) -> window
        self.found: dict[tuple[int, int], tuple[int, ...]] = {}
        self.fingerprints: dict[int, str] = {}
        for pipe in self.pipes:
            self.fingerprints |= pipe.recv()

    def ask(self, m: int, update: int, window: int) -> None:
        """Have a batch drawn, unless it was asked for with this window already."""
        if self.windows.get((m, update)) != window:
            self.windows[m, update] = window
            self._pipe(m, update).send((m, update, window))

    def _pipe(self, m: int, update: int):
        return self.who[m][update % len(self.who[m])]

    def slot(self, update: int, models: Sequence[int]) -> tuple[dict, list[int], int]:
        """The arrays of an update, once all are there; each batch's window; the longest line."""
        windows, longest = [], 0
        for m in models:
            wanted = self.windows.pop((m, update))
            while self.found.get((m, update), (0,))[0] != wanted:
                who, at, *found = self._pipe(m, update).recv()
                self.found[who, at] = tuple(found)
            _, window, length = self.found.pop((m, update))
            windows.append(window)
            longest = max(longest, length)
        return self.slots.slots[update % AHEAD], windows, longest

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(5)
        self.slots.memory.unlink()


# -- the loop -------------------------------------------------------------------------------------


class Graphs:
    """Updates of a stack, captured once for each length of lines and then replayed."""

    def __init__(self, stack, size: int) -> None:
        import torch

        self.torch, self.stack, self.cuda = torch, stack, stack.device.type == "cuda"
        kinds = layout(len(stack), size)
        self.inputs = {
            name: torch.zeros(shape, dtype=getattr(torch, np.dtype(kind).name), device=stack.device)
            for name, (shape, kind) in kinds.items()
        }
        self.hosts = [  # one is filled while the other is copied
            {name: torch.zeros_like(x, device="cpu", pin_memory=self.cuda)
             for name, x in self.inputs.items()}
            for _ in range(2)
        ]  # fmt: skip
        self.settings = torch.zeros(4, len(stack), device=stack.device)
        self.host_settings = torch.zeros(4, len(stack), pin_memory=self.cuda)
        self.losses = torch.zeros(len(stack), pin_memory=self.cuda)
        self.graphs: dict = {}
        self.pool = None

    def fill(self, slot: dict, models: Sequence[int], update: int) -> None:
        """Copy a slot's arrays of these models, to be used by the `run` of this update."""
        for name, array in slot.items():
            host = self.hosts[update % 2][name]
            np.take(array, models, axis=0, out=host.numpy(), mode="clip")

    def run(self, update: int, longest: int, settings: np.ndarray) -> None:
        """Begin an update of lines up to this length."""
        length = min(WIDE, -(-longest // ROUND) * ROUND)
        self.host_settings.copy_(self.torch.from_numpy(settings))
        self.settings.copy_(self.host_settings, non_blocking=True)
        for name, value in self.hosts[update % 2].items():
            self.inputs[name].copy_(value, non_blocking=True)
        if not self.cuda:
            self.losses.copy_(self._update(length))
            return
        if length not in self.graphs:
            self._capture(length)
        graph, losses = self.graphs[length]
        graph.replay()
        self.losses.copy_(losses, non_blocking=True)

    def _update(self, length: int):
        lines = {
            name: value[:, :length] if value.dim() == 3 and name != "noise" else value
            for name, value in self.inputs.items()
        }
        batch = {
            name: [lines[k] for k in (name, f"{name}_attribute", f"{name}_place")]
            for name in ("read", "before")
        }
        batch |= {name: lines[name] for name in ("views", "counted", "lengths", "noise")}
        return self.stack.update(batch, self.settings)

    def _capture(self, length: int) -> None:
        torch = self.torch
        if not self.graphs:  # libraries make their handles outside of a graph
            state = [{n: p.detach().clone() for n, p in s.items()} for s in self._state()]
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(2):
                    self._update(length)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.no_grad():
                for now, old in zip(self._state(), state, strict=True):
                    for name, value in old.items():
                        now[name].copy_(value)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool):
            losses = self._update(length)
        self.pool = graph.pool()
        self.graphs[length] = graph, losses

    def _state(self) -> list[dict]:
        s = self.stack
        return [s.parameters, s.first, s.second, s.average]

    def wait(self) -> np.ndarray:
        """The losses of the update that runs."""
        if self.cuda:
            self.torch.cuda.synchronize()
        return self.losses.numpy().copy()


class Samples:
    """The samples of a training, ready to be encoded, and what is expected."""

    def __init__(self, training: Training) -> None:
        self.names, read, self.expected = [], [], []
        for name, table in samples_of(training.group).items():
            views = apply_policy(table, TABLE_I, training.receiver)
            lines = view_lines(views, SCHEMA)
            tokens = to_tokens(lines if training.recipe.blind else to_lines(table, SCHEMA), SCHEMA)
            read.append(reading(training.architecture, tokens.astype(np.int64),
                                np.zeros(len(tokens), np.int64)))  # fmt: skip
            self.names.append(name)
            self.expected.append(list(lines))
        *lines, lengths = (np.concatenate(parts) for parts in zip(*read, strict=True))
        self.arrays = [*(line.T for line in lines), lengths]  # time first, as in `Stack`

    def errors(self, tokens: np.ndarray) -> dict[str, float]:
        """Mean wrong characters of each sample."""
        lines, found, at = list(from_tokens(tokens, SCHEMA)), {}, 0
        for name, expected in zip(self.names, self.expected, strict=True):
            found[name] = float(character_errors(lines[at : at + len(expected)], expected).mean())
            at += len(expected)
        return found


@dataclass
class Course:
    """A training's way: its progress, and a row of its log for each validation."""

    training: Training
    progress: Progress
    samples: Samples
    rows: list = field(default_factory=list)

    def settings(self) -> tuple[float, ...]:
        recipe, at = self.training.recipe, self.progress
        rate = recipe.rate(at.update, at.window, len(SCHEMA), at.whole_since(len(SCHEMA)))
        return settings_of(recipe, at.update, rate)


def measure(stack, courses: Sequence[Course]) -> None:
    """Validate trainings of one stack; those with equally large samples at once."""
    import torch

    by_size: dict[int, list[int]] = {}
    for m, course in enumerate(courses):
        if course.progress.update % course.training.every == 0:
            by_size.setdefault(len(course.samples.arrays[-1]), []).append(m)
    for which in by_size.values():
        arrays = zip(*(courses[m].samples.arrays for m in which), strict=True)
        *read, lengths = (torch.as_tensor(np.stack(a), device=stack.device) for a in arrays)
        tokens = stack.kept(which).decode(read, lengths, SCHEMA.longest).cpu().numpy()
        for m, written in zip(which, tokens, strict=True):
            course, at = courses[m], courses[m].progress
            errors = course.samples.errors(written)
            at.character_error = next(iter(errors.values()))
            course.rows.append(
                {k: getattr(at, k) for k in ("update", "window", "loss", "entries", "seconds")}
                | errors
            )


def train(
    of: Sequence[Training], device: str, processes: int, seconds: float | None = None
) -> Iterator[tuple[Course, dict, str]]:
    """Train all; yields each one's course, averaged weights and data's fingerprint at its end."""
    from stack import Stack

    size = of[0].recipe.batch_size
    batches = Batches(of, processes)
    began = time.perf_counter()
    architectures = [t.architecture for t in of]
    weights = [first_weights(t.architecture, t.recipe, SCHEMA.longest) for t in of]
    stack = Stack(architectures, weights, device)
    courses = [
        Course(t, Progress(window=min(t.recipe.first_window, len(SCHEMA))), Samples(t)) for t in of
    ]
    models = list(range(len(of)))  # those that still train
    graphs, update, shown = Graphs(stack, size), 0, time.perf_counter()
    shows = min(t.every for t in of)  # updates between two lines

    def prepared(update: int) -> tuple[list[int], list[int], int]:
        """Fill in an update's batch: the windows asked for, the batches' own, the longest line."""
        asked = [courses[m].progress.window for m in models]
        for at in range(update, update + AHEAD):
            for m, window in zip(models, asked, strict=True):
                if at < of[m].recipe.updates:
                    batches.ask(m, at, window)
        slot, windows, longest = batches.slot(update, models)
        graphs.fill(slot, models, update)
        return asked, windows, longest

    ready = None
    while models:
        # The next batch was prepared in the meantime; again, if a window got longer.
        if ready is None or ready[0] != [courses[m].progress.window for m in models]:
            ready = prepared(update)
        _, windows, longest = ready
        settings = np.array([courses[m].settings() for m in models], np.float32).T.copy()
        graphs.run(update, longest, settings)
        last = min(of[m].recipe.updates for m in models) == update + 1
        ready = None if last else prepared(update + 1)
        losses, now = graphs.wait(), time.perf_counter() - began
        if not np.isfinite(losses).all():
            raise SystemExit(f"update {update}: a loss isn't a number any more")
        update += 1
        for m, window, loss in zip(models, windows, losses.tolist(), strict=True):
            courses[m].progress.made(size, window, loss, now, of[m].recipe, len(SCHEMA))
        alive = [courses[m] for m in models]
        measure(stack, alive)
        if update % shows == 0:
            spent, shown = time.perf_counter() - shown, time.perf_counter()
            each = ", ".join(
                f"{c.training.name} {c.progress.window} {c.progress.loss:.3f} "
                f"{c.progress.character_error}" for c in alive
            )  # fmt: skip
            print(
                f"{update}: {now:.0f} s, {1000 * spent / shows:.1f} ms an update; {each}",
                flush=True,
            )
        over = seconds is not None and now > seconds
        done = [i for i, m in enumerate(models) if update >= of[m].recipe.updates or over]
        if done:
            averaged = stack.weights()
            for i in done:
                yield courses[models[i]], averaged[i], batches.fingerprints[models[i]]
            left = [i for i in range(len(models)) if i not in done]
            models = [models[i] for i in left]
            if models:
                stack = stack.kept(left)
                graphs, ready = Graphs(stack, size), None
    batches.close()


def write(out: Path, course: Course, weights: dict, about: dict) -> None:
    """Keep what `land` needs of a training that has ended."""
    training = course.training
    about = about | {
        "training": asdict(training),
        "progress": asdict(course.progress),
        "rows": course.rows,
    }
    with (out / "trainings.jsonl").open("a") as file:
        file.write(json.dumps(about) + "\n")
    if training.group == "pairs":
        np.savez(out / f"{training.name}.npz", **weights)


def land(out: Path, folder: Path) -> None:
    """Make a folder of each pair, as ``aalprivacy train`` would have written it.

    The curves of the other trainings go into the tables of `aalprivacy.report.studies_folder`.
    """
    from aalprivacy.pair import CARD

    lines = (out / "trainings.jsonl").read_text("utf-8").splitlines()
    for about in map(json.loads, lines):
        made = about["training"]
        curve = pd.DataFrame(about["rows"])
        if made["group"] == "pairs" and not (folder / made["name"] / CARD).exists():
            with np.load(out / f"{made['name']}.npz") as weights:
                land_pair(folder / made["name"], about, dict(weights))
        elif made["group"] != "pairs":
            from curve import keep

            from aalprivacy.report import studies_folder

            table = curve.drop(columns=["window", "loss"]).round(4).astype({"seconds": int})
            name = "ingredients" if made["group"] == "ingredients" else "paper_recipe"
            keep(made["name"], table, studies_folder() / f"{name}.csv")


def land_pair(folder: Path, about: dict, weights: dict[str, np.ndarray]) -> None:
    """Round a pair's weights, fit its small codes, measure it, and write it with its card."""
    from aalprivacy import homes
    from aalprivacy.atomic import write_text
    from aalprivacy.pair import CARD
    from aalprivacy.runs import Run

    made = about["training"]
    recipe = Recipe(**made["recipe"] | {"augmentation": tuple(made["recipe"]["augmentation"])})
    data = {"seed": TRAINING_SEED, "users": N_TRAINING_USERS, "entries_per_user": 100}
    validation = samples_of("pairs")["character_error"]
    entries = entries_of("pairs")
    run = Run.begin(folder, entries, validation, TABLE_I, made["receiver"], recipe, data=data)
    if run.about["data"]["fingerprint"] != about["fingerprint"]:
        raise SystemExit(f"{made['name']}: was trained on other entries than those of this version")
    for name, variable in zip(run.trainer.names, run.trainer.variables, strict=True):
        variable.assign(weights[name])
    run.trainer.progress = Progress(**about["progress"])
    run.trainer.save(folder / "checkpoint.npz")  # of the averaged weights, without Adam's moments
    pd.DataFrame(about["rows"]).to_csv(folder / "log.csv", index=False)
    run.finish(homes.make_test_sets(TESTED, data))
    card = json.loads((folder / CARD).read_text("utf-8"))
    card["machine"] = {
        "processor": about["machine"].split(",")[0],
        "program": "benchmarks/together.py",
        "side_by_side": about["side_by_side"],
    }
    card["versions"]["torch"] = about["machine"].split()[-1]
    write_text(json.dumps(card, indent=2) + "\n", folder / CARD)
    console().print(f"{made['name']}: {card['test']['unseen']['character_error']:.4f} unseen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train")
    command.add_argument("out", type=Path)
    command.add_argument("groups", nargs="+", choices=["pairs", "ingredients", "paper"])
    command.add_argument("--seconds", type=float, help="end all after this time")
    command.add_argument("--device", default="cuda")
    command.add_argument("--processes", type=int, default=max(1, count_cores() - 1))
    command = commands.add_parser("land")
    command.add_argument("out", type=Path)
    command.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "land":
        land(arguments.out, arguments.folder)
        return
    import torch

    arguments.out.mkdir(parents=True, exist_ok=True)
    of = [t for group in arguments.groups for t in trainings(group)]
    device = platform.processor() or platform.machine()
    if arguments.device == "cuda":
        device = torch.cuda.get_device_name()
    about = {"machine": f"{device}, PyTorch {torch.__version__}", "side_by_side": len(of)}
    for course, weights, fingerprint in train(
        of, arguments.device, arguments.processes, arguments.seconds
    ):
        write(arguments.out, course, weights, about | {"fingerprint": fingerprint})


if __name__ == "__main__":
    main()

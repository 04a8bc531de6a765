"""Many trainings at once, on one GPU, in PyTorch: the pairs, and what the ingredients are worth.

On two cores they take hours; here they take minutes. Each training has its own recipe, batches and
curriculum, as with ``aalprivacy train``. A training that is interrupted isn't kept; ``--seconds``
ends all of them in good order.

Usage::

    python benchmarks/together.py train OUT pairs ingredients    # needs PyTorch with CUDA
    python benchmarks/together.py train OUT2 paper-512 --seconds 150
    python benchmarks/together.py land OUT FOLDER                # needs TensorFlow
    python benchmarks/together.py go-on FOLDER --seconds 300     # needs PyTorch with CUDA

``train`` writes each training into a file of ``OUT``. ``land`` makes pairs of them, in folders like
those of ``aalprivacy train``, and puts the curves of studies into their tables. ``go-on`` continues
a training that ``paper_recipe.py`` began. Its folder is written only at the end, so an interruption
loses all; ``--seconds`` ends it in time. ``paper_recipe.py --so-far FOLDER`` then measures it.
"""

import argparse
import importlib.util
import json
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import paper_recipe
import recipes
from batches import AHEAD, Batches, layout, reading
from checkpoints import KINDS, Checkpoint

from aalprivacy import TABLE_I, Recipe, apply_policy, homes, simulate
from aalprivacy.architecture import Architecture
from aalprivacy.atomic import write_text, write_whole
from aalprivacy.curriculum import Progress
from aalprivacy.examples import Examples
from aalprivacy.initial import remembering
from aalprivacy.progress import console
from aalprivacy.recipe import FIRST_MOMENT, PLACE_SPREAD
from aalprivacy.runtime import count_cores
from aalprivacy.text import character_errors, from_tokens, to_lines, to_tokens, view_lines

if TYPE_CHECKING:
    from stack import Stack

SCHEMA = TABLE_I.schema
SEEDS = {"family_member": 11, "doctor": 12, "caregiver": 13, "researcher": 14,
         "doctor.blind": 15, "caregiver.blind": 16, "researcher.blind": 17}  # fmt: skip
PER_USER, VALIDATED, TESTED = 100, 300, 2000  # entries, as with `aalprivacy train`
ENDING = ".npz"
GROUPS = ("pairs", "ingredients", *paper_recipe.GPU_RECIPES)
LOGGED = ("update", "window", "loss", "entries", "seconds")


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
    until
        It ends at this character error.
    """

    name: str
    receiver: str
    recipe: Recipe
    group: str
    every: int
    until: float | None = None

    @property
    def architecture(self) -> Architecture:
        return Architecture.of_recipe(SCHEMA, self.recipe)

    def examples(self) -> Examples:
        """Its examples, made anew."""
        return Examples(entries_of(self.group), TABLE_I, self.receiver, self.recipe)


def trainings(group: str) -> list[Training]:
    """The trainings of a group of `GROUPS`."""
    if group == "pairs":
        return [
            Training(n, n.split(".")[0], Recipe(seed=seed, blind=".blind" in n), group, 1000)
            for n, seed in SEEDS.items()
        ]
    if group == "ingredients":
        return [Training(n, "doctor", r, group, 500) for n, r in recipes.INGREDIENTS.items()]
    return [
        Training(n, "doctor", r, "paper", 1000, paper_recipe.UNTIL)
        for n, r in paper_recipe.GPU_RECIPES[group].items()
    ]


def entries_of(group: str) -> pd.DataFrame:
    """The entries that a group of trainings learns from."""
    if group == "paper":
        return paper_recipe.split()[0]
    return simulate(homes.N_TRAINING_USERS, PER_USER, homes.TRAINING_SEED)


def samples_of(group: str) -> dict[str, pd.DataFrame]:
    """The samples on which a training is measured along its way."""
    if group == "pairs":
        return {"character_error": simulate(VALIDATED, 1, homes.VALIDATION_SEED)}
    return recipes.samples() if group == "ingredients" else paper_recipe.samples()


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
        elif layer == "lstm" and memory:
            value = remembering(a.units, memory, rng)
        elif layer == "lstm":  # Keras begins with a forget gate of 1
            value = np.repeat([0.0, 1.0, 0.0, 0.0], a.units)
        else:
            value = np.zeros(shape)
        made[name] = value.astype(np.float32)
    return made


def settings_of(recipe: Recipe, update: int, rate: float) -> tuple[float, float, float, float]:
    """Adam's step, what the average keeps, beta 2, and the size of a code's noise."""
    beta, t = recipe.second_moment, update + 1
    step = rate * np.sqrt(1 - beta**t) / (1 - FIRST_MOMENT**t)
    return step, recipe.averaging if update else 0.0, beta, recipe.noise_at(rate)


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
    """A training's way.

    Parameters
    ----------
    training, samples
        What is trained, and what it is measured on. Only a training that has ended can do without
        samples.
    progress
        Its state.
    rows
        A row of its log for each validation.
    """

    training: Training
    samples: Samples | None
    progress: Progress
    rows: list[dict] = field(default_factory=list)

    @classmethod
    def begin(cls, training: Training) -> "Course":
        window = min(training.recipe.first_window, len(SCHEMA))
        return cls(training, Samples(training), Progress(window=window))

    @property
    def is_over(self) -> bool:
        error, until = self.progress.character_error, self.training.until
        reached = until is not None and error is not None and error <= until
        return reached or self.progress.update >= self.training.recipe.updates

    def settings(self) -> tuple[float, ...]:
        """As from `settings_of`, for the next update."""
        recipe, at = self.training.recipe, self.progress
        rate = recipe.rate(at.update, at.window, len(SCHEMA), at.whole_since(len(SCHEMA)))
        return settings_of(recipe, at.update, rate)


def measure(stack: "Stack", courses: Sequence[Course], which: Sequence[int]) -> None:
    """Validate some of a stack's trainings; those with equally large samples at once."""
    import torch

    by_size: dict[int, list[int]] = {}
    for m in which:
        by_size.setdefault(len(courses[m].samples.arrays[-1]), []).append(m)
    for alike in by_size.values():
        arrays = zip(*(courses[m].samples.arrays for m in alike), strict=True)
        *read, lengths = (torch.as_tensor(np.stack(a), device=stack.device) for a in arrays)
        tokens = stack.kept(alike).decode(read, lengths, SCHEMA.longest).cpu().numpy()
        for m, written in zip(alike, tokens, strict=True):
            at, errors = courses[m].progress, courses[m].samples.errors(written)
            at.character_error = next(iter(errors.values()))
            row = {k: getattr(at, k) for k in LOGGED}
            courses[m].rows.append(row | errors)


def train(
    of: Sequence[Training],
    device: str,
    processes: int,
    seconds: float | None = None,
    begun: Checkpoint | None = None,
    fingerprint: str | None = None,
) -> Iterator[tuple[Course, dict[str, dict[str, np.ndarray]], str]]:
    """Train all of them, one update of each at a time.

    Parameters
    ----------
    of
        The trainings. Their batches have the same size.
    device
        PyTorch's device.
    processes
        How many processes draw the batches.
    seconds
        End all after this time.
    begun
        Where to go on, if `of` is one training.
    fingerprint
        That of the entries that `begun` was trained on.

    Yields
    ------
    At a training's end: its course, its state as in a `Checkpoint`, and the fingerprint of its
    examples.

    Raises
    ------
    SystemExit
        Before the first update, if its entries have another `fingerprint`; and if a loss isn't a
        number.
    """
    (size,) = {n for t in of for n in (t.recipe.batch_size, t.recipe.first_batch_size)}
    width = of[0].architecture.width
    batches = Batches(of, layout(SCHEMA, len(of), size, width), processes)
    try:
        if fingerprint is not None:
            check_entries(of[0].name, batches.fingerprints[0], fingerprint)
        yield from _train(of, device, batches, (size, width), seconds, begun)
    finally:
        batches.close()


def _train(
    of: Sequence[Training], device: str, batches: Batches, sizes: tuple[int, int],
    seconds: float | None, begun: Checkpoint | None,
):  # fmt: skip
    from stack import Graphs, Stack

    courses = [Course.begin(t) for t in of]
    architectures = [t.architecture for t in of]
    if begun is None:
        weights = [first_weights(t.architecture, t.recipe, SCHEMA.longest) for t in of]
        stack = Stack(architectures, weights, device)
    else:
        courses[0].progress = begun.progress
        stack = Stack(architectures, [begun.state["parameters"]], device)
        stack.go_on([begun.state])
    update, before = courses[0].progress.update, courses[0].progress.seconds
    began = shown = time.perf_counter()
    models = list(range(len(of)))  # those that still train
    graphs = Graphs(stack, layout(SCHEMA, len(models), *sizes))
    shows = min(t.every for t in of)  # updates between two lines

    def prepared(update: int) -> tuple[list[int], list[int], int]:
        """Fill in an update's batch: the windows asked for, the batches' own, the longest line."""
        asked = [courses[m].progress.window for m in models]
        for at in range(update, update + AHEAD):
            for m, window in zip(models, asked, strict=True):
                if at < of[m].recipe.updates:
                    batches.ask(m, at, window)
        slot, windows, longest = batches.take(update, models)
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
            names = (of[m].name for m, x in zip(models, losses, strict=True) if not np.isfinite(x))
            raise SystemExit(f"update {update}, {', '.join(names)}: the loss isn't a number")
        update += 1
        alive = [courses[m] for m in models]
        for course, window, loss in zip(alive, windows, losses.tolist(), strict=True):
            recipe = course.training.recipe
            course.progress.count(sizes[0], window, loss, before + now, recipe, len(SCHEMA))
        over = seconds is not None and now > seconds
        due = [
            i for i, course in enumerate(alive)
            if over or course.is_over or update % course.training.every == 0
        ]  # fmt: skip
        measure(stack, alive, due)
        done = [i for i, course in enumerate(alive) if over or course.is_over]
        if update % shows == 0 or over:
            took, shown = time.perf_counter() - shown, time.perf_counter()
            console().print(f"update {update:,}: {now:.0f} s, {took:.1f} s since the line before")
            for course in alive:
                at = course.progress
                console().print(
                    f"  {course.training.name}: {at.window} attributes, loss {at.loss:.3f}, "
                    f"character error {at.character_error}"
                )
        states = {kind: stack.arrays(kind) for kind in KINDS} if done else {}
        for i in done:
            state = {kind: arrays[i] for kind, arrays in states.items()}
            yield alive[i], state, batches.fingerprints[models[i]]
        left = [i for i in range(len(models)) if i not in done]
        models = [models[i] for i in left]
        if done and models:
            stack, ready = stack.kept(left), None
            graphs = Graphs(stack, layout(SCHEMA, len(models), *sizes))


def check_entries(name: str, found: str, trained_on: str) -> None:
    """Refuse to go on with a training whose entries had another fingerprint."""
    if found != trained_on:
        raise SystemExit(f"{name}: was trained on other entries than those of this version")


def curve_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A course's rows as `curve.py` keeps them."""
    return rows.drop(columns=["window", "loss"]).round(4).astype({"seconds": int})


def save(out: Path, course: Course, weights: Mapping[str, np.ndarray], about: Mapping) -> None:
    """Keep what `land` needs of a training that has ended, in a file."""
    training = course.training
    said = {**about, "training": asdict(training), "progress": asdict(course.progress),
            "rows": course.rows}  # fmt: skip
    kept = weights if training.group == "pairs" else {}

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, about=json.dumps(said), **kept)

    write_whole(out / f"{training.group}.{training.name}{ENDING}", write)


def go_on(
    folder: Path, device: str, processes: int, seconds: float | None, entries: int | None = None
) -> None:
    """Continue the training of the paper's recipe in a folder, and write its new state there.

    Nothing is written before the end.

    Parameters
    ----------
    folder
        As `paper_recipe.py` leaves it.
    device, processes, seconds
        As for `train`.
    entries
        A new number of entries in all.
    """
    checkpoint = Checkpoint.read(folder / "checkpoint.npz", SCHEMA)
    progress, start = checkpoint.progress, checkpoint.progress.update
    size = checkpoint.recipe.batch_size
    updates = checkpoint.recipe.updates if entries is None else entries // size
    if start >= updates:
        raise SystemExit(
            f"{folder}: has made {start:,} of {updates:,} updates; expected more with --entries"
        )
    error = progress.character_error
    if error is not None and error <= paper_recipe.UNTIL:
        raise SystemExit(f"{folder}: has ended, at {error:.2f} wrong characters")
    trained_on = json.loads((folder / "run.json").read_text())["data"]["fingerprint"]
    tables = {name: pd.read_csv(folder / name) for name in ("log.csv", "curve.csv")}
    recipe = progress.changed(checkpoint.recipe, updates=updates, product_dtype="float32")
    one_size = replace(recipe, first_batch_size=size)  # it has no short windows
    training = Training(paper_recipe.NAME, "doctor", one_size, "paper", 1000, paper_recipe.UNTIL)
    ((course, state, _),) = train([training], device, processes, seconds, checkpoint, trained_on)
    rows = pd.DataFrame(course.rows)
    log = rows[list(LOGGED)].assign(character_error=rows["own test"])
    for name, more in (("log.csv", log), ("curve.csv", curve_of(rows))):
        kept = tables[name][tables[name]["update"] <= start]  # later rows are made again
        table = pd.concat([kept, more[list(kept)]])
        write_text(table.to_csv(index=False), folder / name)
    Checkpoint(recipe, course.progress, state).write(folder / "checkpoint.npz")


def land(out: Path, folder: Path) -> None:
    """Make a folder of each pair, as ``aalprivacy train`` would have written it.

    A pair whose folder is there already is left alone. The curves of the other trainings go into
    the tables of `aalprivacy.report.studies_folder`.
    """
    from curve import keep

    from aalprivacy.report import studies_folder

    for file in sorted(out.glob(f"*{ENDING}")):
        with np.load(file) as arrays:
            about = json.loads(str(arrays["about"]))
            weights = {name: arrays[name] for name in arrays.files if name != "about"}
        made = about["training"]
        if made["group"] == "pairs":
            if not (folder / made["name"]).exists():
                land_pair(folder / made["name"], about, weights)
            continue
        curve = curve_of(pd.DataFrame(about["rows"]))
        name = "ingredients" if made["group"] == "ingredients" else "paper_recipe"
        keep(made["name"], curve, studies_folder() / f"{name}.csv")


def land_pair(folder: Path, about: Mapping, weights: Mapping[str, np.ndarray]) -> None:
    """Round a pair's weights, fit its small codes, measure it, and write it with its card.

    The folder can be trained on with ``aalprivacy train --resume --updates``. Adam's moments then
    begin anew, and the weights are the averaged ones.
    """
    from aalprivacy.runs import Run

    draft = folder.with_name(f"{folder.name}.landing")  # an interruption leaves no half folder
    shutil.rmtree(draft, ignore_errors=True)
    made = about["training"]
    recipe = Recipe(**made["recipe"] | {"augmentation": tuple(made["recipe"]["augmentation"])})
    data = {"seed": homes.TRAINING_SEED, "users": homes.N_TRAINING_USERS,
            "entries_per_user": PER_USER}  # fmt: skip
    (validation,) = samples_of("pairs").values()
    about_run = {"data": data, "begun_on": about["begun_on"]}
    run = Run.begin(
        draft, entries_of("pairs"), validation, TABLE_I, made["receiver"], recipe, **about_run
    )
    check_entries(made["name"], run.about["data"]["fingerprint"], about["fingerprint"])
    for name, variable in zip(run.trainer.names, run.trainer.variables, strict=True):
        variable.assign(weights[name])
    run.trainer.progress = Progress(**about["progress"])
    run.trainer.save(draft / "checkpoint.npz")
    pd.DataFrame(about["rows"]).to_csv(draft / "log.csv", index=False)
    pair = run.finish(homes.make_test_sets(TESTED, data))
    draft.rename(folder)
    console().print(f"{made['name']}: {pair.card['test']['unseen']['character_error']:.4f} unseen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--seconds", type=float, help="end after this time, in seconds")
    common.add_argument("--device", default="cuda", help="PyTorch's device")
    common.add_argument("--processes", type=int, default=max(1, count_cores() - 1),
                        help="how many processes draw batches")  # fmt: skip
    command = commands.add_parser("train", parents=[common], help="train several groups at once")
    command.add_argument("out", type=Path, help="folder that gets a file for each training")
    command.add_argument("groups", nargs="+", choices=GROUPS)
    command = commands.add_parser("go-on", parents=[common], help="continue the paper's recipe")
    command.add_argument("folder", type=Path, help="folder of `paper_recipe.py`")
    command.add_argument("--entries", type=int, help="a new number of entries in all")
    command = commands.add_parser("land", help="make pairs and tables of finished trainings")
    command.add_argument("out", type=Path, help="folder that `train` wrote")
    command.add_argument("folder", type=Path, help="gets a folder for each pair")
    arguments = parser.parse_args()
    if arguments.command == "go-on":
        if not (arguments.folder / "checkpoint.npz").exists():
            parser.error(f"{arguments.folder}: no checkpoint.npz; expected one to go on from")
        _check_torch(parser, arguments.device)
        chosen = {k: v for k, v in vars(arguments).items() if k != "command"}
        go_on(**chosen)
        return
    out = arguments.out
    there = sorted(out.glob(f"*{ENDING}"))
    if arguments.command == "land":
        if not there:
            parser.error(f"{out}: no finished training; expected what `train` wrote")
        land(out, arguments.folder)
        return
    if there:
        parser.error(f"{out}: has {there[0].name} already; choose another folder")
    of = [t for group in dict.fromkeys(arguments.groups) for t in trainings(group)]
    if len({t.recipe.batch_size for t in of}) > 1:
        parser.error("these groups have batches of different sizes; train them one after the other")
    _check_torch(parser, arguments.device)
    import torch

    on_gpu = arguments.device.startswith("cuda")
    device = torch.cuda.get_device_name() if on_gpu else platform.processor() or platform.machine()
    out.mkdir(parents=True, exist_ok=True)
    machine = {"processor": device, "program": "benchmarks/together.py", "side_by_side": len(of),
               "torch": torch.__version__}  # fmt: skip
    for course, state, fingerprint in train(
        of, arguments.device, arguments.processes, arguments.seconds
    ):
        begun_on = {**machine, "updates": course.progress.update,
                    "seconds": round(course.progress.seconds)}  # fmt: skip
        save(out, course, state["average"], {"begun_on": begun_on, "fingerprint": fingerprint})


def _check_torch(parser: argparse.ArgumentParser, device: str) -> None:
    if importlib.util.find_spec("torch") is None:
        parser.error("PyTorch isn't installed; pip install torch")
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"no device {device} here; expected an NVIDIA GPU")


if __name__ == "__main__":
    main()

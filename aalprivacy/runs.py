"""A whole training: from a table of entries and a policy to a pair in a folder.

`train` does all of it. `Run` has its parts: begin or resume, fit, finish.
"""

import contextlib
import hashlib
import json
import platform
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import evaluation, small
from aalprivacy.atomic import make_folder, write_text
from aalprivacy.attributes import plain, refuse_null
from aalprivacy.errors import InputError
from aalprivacy.pair import CARD, WEIGHTS, Pair
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.runtime import count_cores
from aalprivacy.schema import Schema
from aalprivacy.text import to_lines
from aalprivacy.workers import Workers

SPLIT = {"training": 0.8, "validation": 0.1, "test": 0.1}
FEWEST_PEOPLE = 20
RECIPE_NAMES = tuple(field.name for field in fields(Recipe))
RUN_FILES = ("checkpoint.npz", "run.json", "log.csv", WEIGHTS, CARD)
SMALL_BYTES = 128.0  # mean bytes of a small code of the entries to which it is fitted
MOST_VALIDATION = 300  # entries that are decoded at each validation
SAMPLE = 4000  # entries of the training to which small codes are fitted


@dataclass(frozen=True)
class Parts:
    """A table split by people: for training, for validation and for the test.

    Parameters
    ----------
    training, validation, test
        Tables; nobody is in two of them.
    """

    training: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


def split_people(entries: pd.DataFrame, schema: Schema, seed: int = 0) -> Parts:
    """Split a table 80 / 10 / 10, by people and not by entries.

    Parameters
    ----------
    entries
        With the schema's id column; without it each distinct row counts as a person.
    seed
        Seed of the split.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST_PEOPLE`.
    """
    entries = taken(entries, schema)
    people = people_of(entries, schema)
    # Sorted: the split then doesn't depend on the table's order.
    distinct = people.drop_duplicates().sort_values()
    if len(distinct) < FEWEST_PEOPLE:
        raise InputError(
            f"entries of {len(distinct)} people; expected {FEWEST_PEOPLE} or more, as some are "
            "held out for validation and test"
        )
    order = np.random.default_rng(seed).permutation(len(distinct))
    ends = np.round(np.cumsum(list(SPLIT.values())) * len(distinct)).astype(int)
    drawn = (distinct.iloc[part] for part in np.split(order, ends[:-1]))
    return Parts(*(entries[people.isin(part)].reset_index(drop=True) for part in drawn))


def people_of(entries: pd.DataFrame, schema: Schema) -> pd.Series:
    """Whose entry each of a `taken` table is; without ids, equal lines count as one person's."""
    people = entries[schema.id] if schema.id in entries else to_lines(entries, schema)
    return people.astype(str)


def taken(entries: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A checked table, with the id column first if there is one, as from `tables.read_entries`.

    Raises
    ------
    InputError
        If a value isn't of its attribute's form, or an id is null.
    """
    if entries.index.name is not None and plain(str(entries.index.name)) == plain(schema.id):
        entries = entries.reset_index()
    table = schema.check(entries).reset_index(drop=True)
    people = schema.people(entries)
    if people is not None:
        refuse_null(people, schema.id)
        table.insert(0, schema.id, people.array)
    return table


def held_out(pair: Pair, entries: pd.DataFrame) -> Parts | None:
    """The parts of a table, if it is the one that the pair was trained on; else ``None``."""
    entries = taken(entries, pair.schema)
    known = pair.card.get("data", {}).get("table")
    if known is None or known != _fingerprint(entries, pair.schema):
        return None
    return split_people(entries, pair.schema)


def describe_table(entries: pd.DataFrame, schema: Schema) -> dict:
    """What a card says about the table that a pair was trained on."""
    entries = taken(entries, schema)
    people = people_of(entries, schema).nunique()
    shares = " / ".join(f"{100 * share:.0f}" for share in SPLIT.values())
    return {
        "entries": len(entries),
        "people": people,
        "split": f"{shares} by {schema.id if schema.id in entries else 'row'}",
        "table": _fingerprint(entries, schema),
    }


class Run:
    """A training in its folder: ``run.json``, ``checkpoint.npz``, ``log.csv``; then the pair.

    Made by `begin` or `resume`.

    Parameters
    ----------
    folder
        Where it is kept.
    trainer, examples, validation
        What is trained, on what, and what it is measured on.
    about
        What the card will say about the data and about the pair that the training started from.
    sample
        Some of the entries, for fitting small codes.
    """

    def __init__(
        self, folder: Path, trainer, examples, validation, about: dict, sample: pd.DataFrame
    ) -> None:
        self.folder, self.trainer, self.about = folder, trainer, about
        self.examples, self.validation, self.sample = examples, validation, sample

    @classmethod
    def begin(
        cls,
        folder: str | Path,
        entries: pd.DataFrame,
        validation: pd.DataFrame,
        policy: Policy,
        receiver: str,
        recipe: Recipe,
        *,
        data: Mapping | None = None,
        begun_on: Mapping | None = None,
        start_from: Pair | None = None,
        workers: Workers | None = None,
    ) -> "Run":
        """Begin a training.

        Parameters
        ----------
        folder
            Made if it isn't there; it must not hold a training already.
        entries, validation
            Of the policy's schema, of different people.
        policy, receiver
            They define the views.
        recipe
            How to train.
        data
            What the card says about the entries.
        begun_on
            What the card says about a machine on which another program made the first updates.
        start_from
            A pair to start from, re-keyed; see `aalprivacy.training.Trainer`. Then windows are
            whole entries, and the number of places is the pair's, not the recipe's.
        workers
            The processes that train; by default this one alone. They must be connected
            (`Workers.connect`).

        Raises
        ------
        InputError
            If the folder can't be used, or entries, policy, recipe and pair don't fit together.
        """
        from aalprivacy.training import Trainer
        from aalprivacy.updates import faster_product_dtype, one_thread_a_shard

        one_thread_a_shard()  # before any model is made
        folder, workers = Path(folder), workers or Workers()
        trainer = None
        if workers.is_chief:
            check_new(folder)
            if start_from is not None:
                recipe = _fitted(recipe, start_from)
            if recipe.product_dtype == "auto":
                recipe = replace(recipe, product_dtype=faster_product_dtype())
            trainer = Trainer(recipe, policy, receiver, workers, start_from)
        about = {"data": dict(data or {"entries": len(entries)})}
        if begun_on is not None:
            about["begun_on"] = dict(begun_on)
        if start_from is not None:
            about["started_from"] = _history(start_from)
        return cls._together(
            folder, trainer, entries, validation, policy, receiver, about, workers, False
        )

    @classmethod
    def resume(
        cls,
        folder: str | Path,
        entries: pd.DataFrame,
        validation: pd.DataFrame,
        policy: Policy,
        receiver: str,
        recipe: Recipe | None = None,
        *,
        given: Collection[str] = RECIPE_NAMES,
        workers: Workers | None = None,
    ) -> "Run":
        """Continue from a checkpoint, exactly as if the training had never been interrupted.

        Parameters
        ----------
        folder, entries, validation, policy, receiver, workers
            The same as for `begin`.
        recipe
            By default the one that the training was begun with. It may have another number of
            updates, and another type of the products; the latter changes the results by its
            rounding. ``"auto"`` keeps the type.
        given
            The settings of `recipe` that count; all by default.

        Raises
        ------
        InputError
            If there is no training, or it was begun with other entries, policy, receiver or recipe.
        """
        from aalprivacy.training import Trainer
        from aalprivacy.updates import one_thread_a_shard

        one_thread_a_shard()  # before any model is made
        folder, workers = Path(folder), workers or Workers()
        trainer = None
        about: dict = {"data": {}}
        if workers.is_chief:
            begun = read_run(folder)
            if _terms(policy, receiver) != {k: begun[k] for k in ("receiver", "policy", "schema")}:
                raise InputError(
                    f"{folder}: was begun with another receiver, policy or schema; expected "
                    f"{begun['receiver']}, and the policy and schema of its run.json"
                )
            names = [name for name in RECIPE_NAMES if recipe and name in given]
            asked = {name: getattr(recipe, name) for name in names}
            product_dtype = asked.pop("product_dtype", None)
            if product_dtype == "auto":
                product_dtype = None
            trainer = Trainer.load(
                folder / "checkpoint.npz", policy, receiver, workers, product_dtype
            )
            trainer.lengthen(asked.pop("updates", trainer.recipe.updates))
            for name, value in asked.items():
                if value != getattr(trainer.recipe, name):
                    raise InputError(
                        f"{folder}: was begun with {name} {getattr(trainer.recipe, name)}; "
                        f"expected that or none, got {value}"
                    )
            about = {k: begun[k] for k in ("data", "started_from", "begun_on") if k in begun}
        return cls._together(
            folder, trainer, entries, validation, policy, receiver, about, workers, True
        )

    @classmethod
    def _together(
        cls, folder, trainer, entries, validation, policy, receiver, about, workers, resumed
    ) -> "Run":
        """The part of `begin` and `resume` that all workers do, after the chief has the trainer."""
        from aalprivacy import training

        if workers.count > 1:
            trainer = training.Trainer.join(workers, trainer, policy, receiver)
        examples = training.Examples(entries, policy, receiver, trainer.recipe)
        if workers.text_from_chief(examples.fingerprint) != examples.fingerprint:
            raise other_data(workers)
        measured = training.Validation(validation, policy, receiver)
        if workers.is_chief:
            begun_with = about["data"].setdefault("fingerprint", examples.fingerprint)
            if begun_with != examples.fingerprint:
                raise InputError(
                    f"{folder}: was begun with other entries; expected the same --data"
                )
            begun = json.dumps(_terms(policy, receiver) | about, indent=2) + "\n"
            if resumed:
                write_text(begun, folder / "run.json")
            else:
                _claim(folder, begun)
                trainer.save(folder / "checkpoint.npz")
        return cls(folder, trainer, examples, measured, about, some(entries, SAMPLE))

    def fit(self, **options) -> bool:
        """Train; see `aalprivacy.training.fit` for the options and what it returns."""
        from aalprivacy import training

        return training.fit(self.trainer, self.examples, self.validation, self.folder, **options)

    def finish(self, tests: Mapping[str, pd.DataFrame], until: float | None = None) -> Pair:
        """Score the trained pair and write it, with its card and small codes, into the folder.

        Its weights are rounded to float16, so that the file is half as large.

        Parameters
        ----------
        tests
            Name -> entries of people that the training never saw.
        until
            The character error at which the training was to stop early, for the card.

        Returns
        -------
        The pair.
        """
        trainer, progress = self.trainer, self.trainer.progress
        pair = trainer.pair().halved()
        log = pd.read_csv(self.folder / "log.csv").round(4).to_dict(orient="list")
        pair.card.update(
            self.about,
            recipe=asdict(trainer.recipe),
            training={
                "updates": progress.update,
                "entries": progress.entries,
                "seconds": round(progress.seconds),
                "until": until,
                "stages": progress.stages,
                "lengthened": progress.lengthened,
                "product_dtypes": progress.product_dtypes,
                "log": log,
            },
            **machine(),
        )
        if SMALL_BYTES:
            pair = with_small(pair, self.sample, self.validation.entries)
        pair.card["test"] = evaluation.to_dict(evaluation.evaluate_all(pair, tests))
        pair.save(self.folder)
        return pair


def train(
    entries: pd.DataFrame,
    policy: Policy = TABLE_I,
    receiver: str = "researcher",
    recipe: Recipe | None = None,
    folder: str | Path = "runs/pair",
    *,
    validation: pd.DataFrame | None = None,
    tests: Mapping[str, pd.DataFrame] | None = None,
    start_from: Pair | None = None,
    resume: bool = False,
    report: Callable = lambda progress, speed: None,
    **options,
) -> Pair | None:
    """Train a pair for a receiver, from a table to a folder with the pair in it.

    Parameters
    ----------
    entries
        One row an entry, as for `aalprivacy.schema.Schema.check`; with the schema's id column, if a
        person has several entries.
    policy, receiver
        They define the views; Table I and the researcher by default. The policy has the schema.
    recipe
        How to train; see `aalprivacy.recipe.Recipe` for the settings and their defaults.
    folder
        Gets checkpoint, log and pair.
    validation, tests
        Entries of other people. By default a tenth of the people of `entries` each, who are then
        not trained on.
    start_from
        A pair to start from; see `aalprivacy.training.Trainer`.
    resume
        Continue from the folder's checkpoint, with the same arguments as before; see
        `Run.resume` for what may change.
    report
        Called with the progress from time to time; see `aalprivacy.training.fit`.
    **options
        Other options of `aalprivacy.training.fit`, such as ``seconds`` and ``target``.

    Returns
    -------
    The pair; ``None`` if Ctrl-C stopped the training, which can be resumed then.

    Raises
    ------
    InputError
        If the arguments don't fit together or the folder can't be used.
    """
    from aalprivacy.training import check_options

    check_options(**options)
    entries = _some_entries("entries", entries, policy.schema)
    if validation is not None:
        validation = _some_entries("validation", validation, policy.schema)
    for name, test in (tests or {}).items():
        _some_entries(f"tests, {name}", test, policy.schema)
    data = {"entries": len(entries)}
    if validation is None:
        data = describe_table(entries, policy.schema)
        parts = split_people(entries, policy.schema)
        entries, validation = parts.training, some(parts.validation)
        tests = tests or {"held out": parts.test}
    common = (folder, entries, validation, policy, receiver)
    if resume:
        if recipe and start_from:
            recipe = _fitted(recipe, start_from)
        run = Run.resume(*common, recipe)
    else:
        run = Run.begin(*common, recipe or Recipe(), data=data, start_from=start_from)
    if not run.fit(report=report, **options):
        return None
    return run.finish(tests or {}, options.get("target"))


def _some_entries(what: str, entries: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A checked table, with at least one entry."""
    try:
        table = taken(entries, schema)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    if table.empty:
        raise InputError(f"{what}: no entries; expected at least one")
    return table


def with_small(pair: Pair, sample: pd.DataFrame, validation: pd.DataFrame) -> Pair:
    """The pair with small codes, fitted to a sample of its training, chosen on `validation`."""
    return replace(pair, small=small.fit(pair, sample, validation, SMALL_BYTES))


def some(entries: pd.DataFrame, most: int = MOST_VALIDATION) -> pd.DataFrame:
    """At most `most` of the entries, drawn with a fixed seed."""
    return entries.sample(min(most, len(entries)), random_state=0)


def check_new(folder: Path) -> None:
    """Refuse a folder that already holds a file of a training or of a pair.

    Raises
    ------
    InputError
        If it does.
    """
    has = next((name for name in RUN_FILES if (folder / name).exists()), None)
    if has:
        raise InputError(
            f"{folder}: has a training already ({has}); --resume it or choose another folder"
        )


def _claim(folder: Path, begun: str) -> None:
    """Write ``run.json``, unless another training has written it in the meantime."""
    make_folder(folder)
    try:
        with (folder / "run.json").open("x", encoding="utf-8") as file:
            file.write(begun)
    except OSError:
        check_new(folder)
        raise InputError(f"{folder / 'run.json'}: can't be written") from None


def read_run(folder: Path) -> dict:
    """The receiver, policy, schema and data of a training that was begun.

    Raises
    ------
    InputError
        If there is none.
    """
    checkpoint, path = folder / "checkpoint.npz", folder / "run.json"
    if not checkpoint.exists():
        begun = "; delete run.json and begin again" if path.exists() else ""
        raise InputError(f"{checkpoint}: no checkpoint to go on from{begun}")
    try:
        begun = json.loads(path.read_text("utf-8"))
        _ = [begun[key] for key in ("receiver", "policy", "schema")], begun["data"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{path}: missing or broken; expected the file that the training wrote"
        ) from None
    return begun


def other_data(workers: Workers) -> InputError:
    """The error of a worker whose entries or policy differ from the chief's."""
    return InputError(
        f"{workers}: its entries or policy differ from the chief's; expected the same --data, "
        "--receiver and --policy on every machine"
    )


def machine() -> dict:
    """What a card says about the machine and the versions."""
    import importlib.metadata as meta

    versions = {"python": platform.python_version()}
    for name in ("tensorflow-cpu", "tensorflow", "keras", "numpy", "pandas", "aalprivacy"):
        with contextlib.suppress(meta.PackageNotFoundError):
            versions[name] = meta.version(name)
    processor = platform.processor() or platform.machine()
    return {"machine": {"processor": processor, "cores": count_cores()}, "versions": versions}


def _fitted(recipe: Recipe, start_from: Pair) -> Recipe:
    """The recipe of a training that starts from a pair, which reads whole entries already."""
    places = start_from.architecture.places
    return replace(recipe, first_window=len(start_from.schema), places=places)


def _terms(policy: Policy, receiver: str) -> dict:
    """The receiver, policy and schema of a training, as plain values."""
    return {
        "receiver": policy.receiver(receiver),
        "policy": policy.letters(receiver),
        "schema": policy.schema.to_dict(),
    }


def _history(pair: Pair) -> dict:
    """The work that is already in a pair that a training starts from: updates, entries, seconds."""
    begun: dict = {"encoder": pair.fingerprint}
    for what in ("updates", "entries", "seconds"):
        earlier = pair.card.get("started_from", {}).get(what, 0)
        begun[what] = pair.card.get("training", {}).get(what, 0) + earlier
    return begun


def _fingerprint(entries: pd.DataFrame, schema: Schema) -> str:
    """SHA-256 of a table's rows, in any order."""
    lines = to_lines(entries, schema)
    if schema.id in entries:
        lines = lines + "\n" + entries[schema.id].astype(str)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

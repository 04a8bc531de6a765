"""The door: the command line. It parses, calls, prints, and answers bad input with one line."""

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import aalprivacy
from aalprivacy import files, sealing
from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.recipe import PRODUCT_DTYPES, Recipe
from aalprivacy.simulate import simulate as simulate_entries
from aalprivacy.text import from_lines, from_tokens, is_well_formed
from aalprivacy.views import apply_policy

# TensorFlow takes seconds to load, so the commands that need it import it themselves.

app = typer.Typer(
    help="Learned privacy views for assisted living: simulate homes, train an encoder and a "
    "receiver's decoder, encode entries, decode the view that the receiver may see.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console()

MOST_TEST = 200_000  # the paper's number of test entries

EntriesFile = Annotated[Path, typer.Argument(help="Entries, .parquet or .csv, one row an entry.")]
Receiver = Annotated[
    str, typer.Option(help=f"Who receives the view: {', '.join(TABLE_I.receivers)}.")
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="A policy table (CSV) instead of the paper's Table I."),
]
ProductType = Annotated[
    str, typer.Option(help="float32, or bfloat16: faster, and off in the third decimal.")
]
PairFolder = Annotated[
    Path | None, typer.Option("--pair", help="A trained pair's folder instead of the shipped one.")
]
Blind = Annotated[
    bool,
    typer.Option("--blind", help="The shipped pair whose encoder reads the view, not the entry."),
]


@app.command()
def simulate(
    out_file: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    users: Annotated[int, typer.Option(help="How many homes, one user each.")] = 10_000,
    entries: Annotated[int, typer.Option(help="How many entries per user.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same entries.", min=0)] = 0,
    vocabulary: Annotated[
        str,
        typer.Option(help="'training', or 'open' for names and places never trained on as such."),
    ] = "training",
    missing: Annotated[float, typer.Option(help="Share of readings missing, 0 to 1.")] = 0.0,
    abnormal: Annotated[float, typer.Option(help="Share of readings abnormal, 0 to 1.")] = 0.0,
) -> None:
    """Simulate assisted-living homes and write their entries."""
    files.check_table_writable(out_file)
    table = simulate_entries(
        users, entries, seed, vocabulary=vocabulary, missing=missing, abnormal=abnormal
    )
    files.write_entries(table, out_file)
    out.print(f"{len(table):,} entries of {users:,} users: {out_file}")


@app.command()
def view(
    entries: EntriesFile,
    receiver: Receiver,
    out_file: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    policy: PolicyFile = None,
) -> None:
    """Make a receiver's view by rule: exactly what the policy says."""
    files.check_table_writable(out_file)
    rules = _policy(policy)
    rules.for_receiver(receiver)
    table = files.read_entries(entries)
    with _naming(entries):
        made = apply_policy(table, rules, receiver)
    files.write_entries(made, out_file)
    out.print(f"{len(made):,} views for {receiver}: {out_file}")


@app.command()
def train(
    context: typer.Context,
    receiver: Receiver,
    folder: Annotated[Path, typer.Option("--out", help="Folder of the run; gets the pair.")],
    data: Annotated[
        Path | None, typer.Option(help="Entries to train on; by default they are simulated.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Start with a trained pair, re-keyed: its folder, or a shipped receiver."
        ),
    ] = None,
    policy: PolicyFile = None,
    users: Annotated[int, typer.Option(help="Users to simulate for training.", min=1)] = 8_000,
    entries: Annotated[int, typer.Option(help="Entries per user to simulate.", min=1)] = 100,
    seed: Annotated[
        int, typer.Option(help="Of weights, batches, augmentation.", min=0)
    ] = Recipe.seed,
    updates: Annotated[
        int | None,
        typer.Option(
            help="How many updates in all; with --resume, more or fewer than planned.",
            min=1,
            show_default=str(Recipe.updates),
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(help="Adam's, from full length on.")
    ] = Recipe.learning_rate,
    first_learning_rate: Annotated[
        float, typer.Option(help="Adam's, until then.")
    ] = Recipe.first_learning_rate,
    product_dtype: Annotated[
        str, typer.Option(help="float32, bfloat16, or auto: the faster one on this machine.")
    ] = "auto",
    engine: Annotated[
        bool, typer.Option(help="Train with the engine, or with stock Keras layers.")
    ] = True,
    first_window: Annotated[
        int,
        typer.Option(help="Attributes at the start; 20: no curriculum.", min=1, max=len(NAMES)),
    ] = Recipe.first_window,
    blind: Annotated[
        bool, typer.Option("--blind", help="Let the encoder read the view, never the entry.")
    ] = False,
    mixing: Annotated[
        float,
        typer.Option(help="Share of examples mixed from several entries.", min=0, max=1),
    ] = Recipe.mixing,
    augmentation: Annotated[
        tuple[float, float],
        typer.Option(
            help="Share of examples in which a name or address, and in which a reading, is random."
        ),
    ] = Recipe.augmentation,
    memory: Annotated[
        int, typer.Option(help="Steps that the first weights remember for; 0: Keras's own.", min=0)
    ] = Recipe.memory,
    spread: Annotated[
        float, typer.Option(help="Of the first vectors of the characters; 0: Keras's own.", min=0)
    ] = Recipe.spread,
    decay: Annotated[
        float, typer.Option(help="Share of the updates over which the rate falls.", min=0, max=1)
    ] = Recipe.decay,
    until: Annotated[
        float | None,
        typer.Option(help="Stop early, once the validation's character error is at most this."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop early, after so much time of training.")
    ] = None,
    test_entries: Annotated[
        int, typer.Option(help="Entries of each test set for the card.", min=2, max=MOST_TEST)
    ] = 2000,
    validate_every: Annotated[int, typer.Option(help="In updates.", min=1)] = 1000,
    checkpoint_every: Annotated[int, typer.Option(help="In updates.", min=1)] = 1000,
) -> None:
    """Train an encoder and a receiver's decoder; Ctrl-C stops it, --resume goes on.

    With TF_CONFIG set, several machines train one pair together.
    """
    rules = _policy(policy)
    operations = rules.for_receiver(receiver)
    _check_one_of("--product-dtype", product_dtype, ("auto", *PRODUCT_DTYPES))
    if learning_rate <= 0 or first_learning_rate <= 0:
        raise InputError("--learning-rate, --first-learning-rate: expected more than 0")
    if not all(0 <= share <= 1 for share in augmentation):
        raise InputError(f"--augmentation: expected two shares of 0 to 1, got {augmentation}")
    from aalprivacy import evaluation, training
    from aalprivacy.workers import Workers

    workers = Workers.from_environment()
    if (until is not None or minutes is not None) and workers.count > 1:
        raise InputError(
            "--until, --minutes: only one machine can stop early; expected no TF_CONFIG"
        )
    if start_from is not None and workers.count > 1:
        raise InputError("--start-from: only one machine can; expected no TF_CONFIG")
    if start_from is not None and _given(context, "first_window"):
        raise InputError("--first-window: a pair to start from reads whole entries; expected none")
    about = {
        "receiver": receiver,
        "policy": rules.to_frame()[receiver].to_dict(),
        "data": {"file": data.name}
        if data
        else {"seed": evaluation.TRAINING_SEED, "users": users, "entries_per_user": entries},
    }
    training.one_thread_a_shard()  # before any model is made
    start = _start(start_from, resume)
    if start:
        about["started_from"] = _history(start)
    if workers.is_chief:
        about = _begin(context, folder, about, resume)
    if workers.count > 1:
        out.print(f"{workers}: meeting the others")
        workers.connect()
        about = json.loads(workers.text_from_chief(json.dumps(about)))
        if (data is None) == ("file" in about["data"]):
            raise _other_data(workers)
    entries_table, validation_table = _training_data(data, about["data"])
    with _naming(data):
        views = apply_policy(entries_table, rules, receiver)
        validation_views = apply_policy(validation_table, rules, receiver)

    recipe = Recipe(
        seed=seed,
        updates=updates or Recipe.updates,
        learning_rate=learning_rate,
        first_learning_rate=first_learning_rate,
        first_window=len(NAMES) if start else first_window,
        blind=blind,
        memory=memory,
        spread=spread,
        mixing=mixing,
        augmentation=augmentation,
        product_dtype=training.faster_product_dtype() if product_dtype == "auto" else product_dtype,
        engine=engine,
        decay=decay,
    )
    trainer = None
    if workers.is_chief and not resume:
        trainer = training.Trainer(recipe, workers, start)
    elif workers.is_chief:
        trainer = training.Trainer.load(folder / "checkpoint.npz", workers)
        _check_same_recipe(context, recipe, trainer.recipe, folder)
        if updates is not None:
            trainer.lengthen(updates)
    if workers.count > 1:
        trainer = training.Trainer.join(workers, trainer)
    if trainer.recipe.blind:
        entries_table, validation_table = views, validation_views
    examples = training.Examples(entries_table, views, operations, trainer.recipe)
    if workers.text_from_chief(examples.fingerprint) != examples.fingerprint:
        raise _other_data(workers)
    if workers.is_chief:
        begun_with = about["data"].setdefault("fingerprint", examples.fingerprint)
        if begun_with != examples.fingerprint:
            raise InputError(f"{folder}: was begun with other entries; expected the same --data")
        files.write_text(json.dumps(about, indent=2) + "\n", folder / "run.json")
    validation = training.Validation(validation_table, validation_views)
    del entries_table, views
    with _ProgressLine(trainer.recipe.updates, trainer.progress.update) as line:
        complete = training.fit(
            trainer, examples, validation, folder, report=line,
            validate_every=validate_every, checkpoint_every=checkpoint_every, target=until,
            seconds=None if minutes is None else 60 * minutes,
        )  # fmt: skip
    if not complete and not workers.is_chief:
        out.print(f"{workers}: stopped")
        raise typer.Exit(130)
    if not workers.is_chief:
        out.print(f"{workers}: done; the pair is in the chief's folder")
        return
    if not complete:
        out.print(f"stopped at update {trainer.progress.update:,}; go on with --resume: {folder}")
        raise typer.Exit(130)
    with out.status("scoring the pair on the test sets"):
        finish(folder, test_entries, until)
    out.print(f"trained pair: {folder}")


def _other_data(workers) -> InputError:
    return InputError(
        f"{workers}: its entries or policy differ from the chief's; expected the same --data, "
        "--receiver and --policy on every machine"
    )


def _start(pair: Path | None, resume: bool):
    """The pair that a training starts from."""
    if pair is None:
        return None
    if resume:
        raise InputError("--start-from: a training that is resumed goes on from its checkpoint")
    if not pair.is_dir() and str(pair) in TABLE_I.receivers:
        return aalprivacy.load_pair(str(pair))
    return _pair(None, pair)


def _history(pair) -> dict:
    """What a training that starts from a pair owes to it: all updates that led to it."""
    begun, card = {"encoder": pair.fingerprint}, pair.card
    for what in ("updates", "entries", "seconds"):
        earlier = card.get("started_from", {}).get(what, 0)
        begun[what] = card.get("training", {}).get(what, 0) + earlier
    return begun


def _begin(context: typer.Context, folder: Path, about: dict, resume: bool) -> dict:
    """Check that a run can begin or go on in a folder; what is known of it."""
    checkpoint, run_file = folder / "checkpoint.npz", folder / "run.json"
    if checkpoint.exists() and not resume:
        raise InputError(f"{folder}: has a training already; --resume it or choose another folder")
    if resume and not checkpoint.exists():
        raise InputError(f"{checkpoint}: no checkpoint to go on from")
    if resume:
        try:
            begun = json.loads(run_file.read_text("utf-8"))
            sources = begun["data"].keys()
        except (OSError, ValueError, KeyError, AttributeError):
            raise InputError(f"{run_file}: missing or broken; expected what began it") from None
        differs = next((k for k in ("receiver", "policy") if begun.get(k) != about[k]), None)
        if differs or ("file" in sources) != ("file" in about["data"]):
            raise InputError(
                f"{folder}: was begun with another {differs or 'source of data'}; "
                f"expected receiver {begun['receiver']} and {begun['data']}"
            )
        for option, name in (("users", "users"), ("entries", "entries_per_user")):
            values = (origin["data"].get(name) for origin in (begun, about))
            _check_unchanged(context, folder, option, *values)
        return begun
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: can't be made: {error.strerror}") from None
    return about


def _check_same_recipe(context: typer.Context, asked, begun, folder: Path) -> None:
    """Refuse an option of the recipe that was given and isn't what the training began with."""
    for name in asdict(begun).keys() & context.params.keys() - {"updates"}:
        _check_unchanged(context, folder, name, getattr(begun, name), getattr(asked, name))


def _check_unchanged(context: typer.Context, folder: Path, option: str, begun, asked) -> None:
    if _given(context, option) and asked != begun:
        raise InputError(
            f"{folder}: was begun with --{option.replace('_', '-')} {begun}; "
            f"expected that or none, got {asked}"
        )


def _given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def finish(folder: Path, test_entries: int, until: float | None) -> None:
    """Turn a complete training's checkpoint into a pair with its card."""
    import pandas as pd

    from aalprivacy import evaluation, training

    trainer = training.Trainer.load(folder / "checkpoint.npz")
    about = json.loads((folder / "run.json").read_text("utf-8"))
    progress = trainer.progress
    pair = trainer.pair()
    pair.card = about | {
        "recipe": asdict(trainer.recipe),
        "training": {
            "updates": progress.update,
            "entries": progress.entries,
            "seconds": round(progress.seconds),
            "until": until,
            "stages": progress.stages,
            "lengthened": progress.lengthened,
            "log": pd.read_csv(folder / "log.csv").round(4).to_dict(orient="list"),
        },
        **training.machine(),
    }
    pair.card["test"] = evaluation.to_dict(evaluation.evaluate_all(pair, test_entries))
    pair.save(folder)


@app.command()
def encode(
    entries: EntriesFile,
    receiver: Receiver,
    out_file: Annotated[Path, typer.Option("--out", help="Where to write the codes: .npz.")],
    pair: PairFolder = None,
    blind: Blind = False,
    product_dtype: ProductType = "float32",
    key: Annotated[
        Path | None, typer.Option("--seal", help="Seal the codes with this key.")
    ] = None,
    number_type: Annotated[
        str, typer.Option(help="Of the codes in the file: float32, float16 or int8.")
    ] = "float32",
) -> None:
    """Turn entries into codes with the encoder of a receiver's pair."""
    _check_one_of("--product-dtype", product_dtype, PRODUCT_DTYPES)
    _check_one_of("--number-type", number_type, files.NUMBER_TYPES)
    files.check_writable(out_file)
    seal_with = sealing.read_key(key) if key else None
    table = files.read_entries(entries)
    model = _pair(receiver, pair, blind)
    with _naming(entries), _bar("encoding", len(table)) as report:
        codes = model.encode_entries(table, product_dtype=product_dtype, report=report)
    made = files.Codes(codes, model.fingerprint, receiver)
    files.write_codes(made, out_file, seal_with, number_type)
    out.print(f"{len(codes):,} codes of {codes.shape[1]} numbers: {out_file}")


@app.command()
def decode(
    codes: Annotated[Path, typer.Argument(help="Codes that 'encode' wrote.")],
    receiver: Receiver,
    out_file: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    pair: PairFolder = None,
    blind: Blind = False,
    force: Annotated[
        bool, typer.Option("--force", help="Decode another encoder's codes, to see what comes out.")
    ] = False,
    product_dtype: ProductType = "float32",
    key: Annotated[Path | None, typer.Option("--key", help="The key of sealed codes.")] = None,
) -> None:
    """Turn codes into a receiver's view with its decoder."""
    _check_one_of("--product-dtype", product_dtype, PRODUCT_DTYPES)
    files.check_table_writable(out_file)
    unseal_with = sealing.read_key(key) if key else None
    model = _pair(receiver, pair, blind)
    width = model.encoder.output_shape[-1]
    mark = None if force else model.fingerprint
    read = files.read_codes(codes, width, mark, receiver, unseal_with)
    with _bar("decoding", len(read.codes)) as report:
        tokens = model.decode(read.codes, product_dtype=product_dtype, report=report)
    lines = from_tokens(tokens)
    table = from_lines(lines, errors="coerce")
    files.write_entries(table, out_file)
    broken = int((~is_well_formed(lines)).sum())
    out.print(
        f"{len(table):,} views for {receiver}: {out_file}"
        + (f" ({broken:,} lines without {len(NAMES)} values)" if broken else "")
    )


@app.command()
def key(
    out_file: Annotated[Path, typer.Option("--out", help="Where to write it.")],
) -> None:
    """Make a key to seal codes with: one for each receiver, to be kept secret."""
    if out_file.exists():
        raise InputError(f"{out_file}: exists already; a key that is lost opens nothing any more")
    files.write_secret(sealing.make_key() + "\n", out_file)
    out.print(f"key: {out_file}")


@app.command()
def evaluate(
    receiver: Annotated[
        str | None, typer.Option(help="Whose pair; by default all that ship.")
    ] = None,
    pair: PairFolder = None,
    blind: Blind = False,
    data: Annotated[
        Path | None, typer.Option(help="Entries to score on, instead of the three test sets.")
    ] = None,
    entries: Annotated[
        int, typer.Option(help="Entries per test set.", min=2, max=MOST_TEST)
    ] = 1000,
    policy: PolicyFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score pairs: character error, exact and well-formed entries."""
    rules = Policy.from_csv(policy) if policy else None
    if receiver is not None and pair is None:
        (rules or TABLE_I).for_receiver(receiver)
    table = files.read_entries(data) if data else None
    from aalprivacy import evaluation

    pairs = _pairs(receiver, pair, blind)
    results = {}
    for name, model in pairs.items():
        if table is None:
            results[name] = evaluation.evaluate_all(model, entries, rules)
        else:
            with _naming(data):
                results[name] = {data.name: evaluation.evaluate(model, table, rules, name)}
    if as_json:
        print(json.dumps({r: evaluation.to_dict(s) for r, s in results.items()}, indent=2))
        return
    for name, scores in results.items():
        out.print(_table(f"{name}: wrong characters per entry", evaluation.to_frame(scores)))


@app.command()
def audit(
    receiver: Annotated[
        str | None, typer.Option(help="Whose pair; by default all that ship.")
    ] = None,
    pair: PairFolder = None,
    blind: Blind = False,
    known: Annotated[int, typer.Option(help="Entries that the attacker knows.", min=100)] = 2000,
    targets: Annotated[int, typer.Option(help="Entries to be read.", min=50)] = 500,
    updates: Annotated[
        int, typer.Option(help="Of a decoder that the attacker trains.", min=1)
    ] = 600,
    seed: Annotated[int, typer.Option(help="Of the attacks.", min=0)] = 0,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", help="JSON file of what was found so far; an audit goes on from its own."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Attack pairs: what can be read without the right key, and what a code betrays.

    With --known 100000 --targets 1000 --updates 2000 it takes about an hour a pair. After Ctrl-C
    the same command with the same --out goes on where it was.
    """
    from aalprivacy import audit as auditing
    from aalprivacy import training

    training.one_thread_a_shard()  # before any model is made
    victims, ships = _pairs(receiver, pair, blind), aalprivacy.shipped_pairs()
    how = {"known": known, "targets": targets, "updates": updates, "seed": seed}
    others = {
        name: {r: own for r, own in ships.items() if own.fingerprint != victim.fingerprint}
        for name, victim in victims.items()
    }
    about = {
        name: how
        | {
            "encoder": victim.fingerprint,
            "others": {r: own.fingerprint for r, own in others[name].items()},
        }
        for name, victim in victims.items()
    }
    audits = _begun_audits(out_file, about)
    for name, victim in victims.items():
        rows = audits[name]["findings"]

        def keep(done: int, findings: list, name: str = name) -> None:
            audits[name] |= {"attacks": done, "findings": auditing.to_rows(findings)}
            if out_file is not None:
                files.write_text(json.dumps(audits, indent=1) + "\n", out_file)

        with out.status(name) as status:
            auditing.run_audit(
                victim, others[name], **how,
                begun=(audits[name]["attacks"], auditing.from_rows(rows)),
                keep=keep,
                say=lambda text, name=name, status=status: status.update(f"{name}, {text}"),
            )  # fmt: skip
    if as_json:
        print(json.dumps(audits, indent=1))
        return
    for name, about in audits.items():
        table = Table(title=f"{name}: attacks on its codes", title_justify="left")
        for column in ("attack", "setting", "measure", "value (95 %)", "baseline", "control"):
            table.add_column(column)
        for f in auditing.from_rows(about["findings"]):
            interval = f"{f.value:.3f} ({f.low:.3f} to {f.high:.3f})"
            style = "bold" if f.beats_baseline else None
            cells = (f.attack, str(f.setting), f.measure, interval)
            table.add_row(*cells, f"{f.baseline:.3f}", f"{f.control:.3f}", style=style)
        out.print(table)
    out.print("Bold: the whole interval is better than the baseline, which uses no code.")


def _begun_audits(path: Path | None, about: dict[str, dict]) -> dict[str, dict]:
    """The audits that a file holds, or new ones; `about` says which are asked for.

    Raises
    ------
    InputError
        If the file holds anything else than audits of the same pairs by the same settings.
    """
    begun = {name: {**facts, "attacks": 0, "findings": []} for name, facts in about.items()}
    if path is None:
        return begun
    files.check_writable(path)
    if not path.exists():
        return begun
    from aalprivacy.audit import from_rows, to_rows

    try:
        kept = json.loads(path.read_text("utf-8"))
        same = {n: {k: audit[k] for k in about[n]} for n, audit in kept.items()} == about
        whole = all(
            audit["attacks"] >= 0 and to_rows(from_rows(audit["findings"])) == audit["findings"]
            for audit in kept.values()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        same = whole = False
    if not (same and whole):
        raise InputError(
            f"{path}: holds something else; expected the audit of {' and '.join(about)} by the "
            "same options and pairs, or no file"
        )
    return kept


@app.command()
def reproduce(
    folder: Annotated[Path, typer.Option("--out", help="Folder for figures and tables.")] = Path(
        "figures"
    ),
) -> None:
    """Make the figures and tables of the shipped pairs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: can't be made: {error.strerror}") from None
    files.check_writable(folder / "results.json")
    from aalprivacy.report import write_report

    with out.status("loading TensorFlow") as status:
        written = write_report(folder, lambda text: status.update(text))
    for path in written:
        out.print(f"  {path}")
    out.print((folder / "results.md").read_text("utf-8"))
    out.print(f"figures and tables: {folder.resolve()}")


class _ProgressLine:
    """The live line of a training; one plain line a thousand updates if nobody watches."""

    def __init__(self, updates: int, update: int) -> None:
        from rich import progress

        self.updates = updates
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=16),
            progress.MofNCompleteColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self.task = self.bar.add_task("starting", total=updates)
        self.told, self.told_update = time.monotonic(), update

    def __enter__(self) -> "_ProgressLine":
        self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        self.bar.stop()

    def __call__(self, progress, speed: float) -> None:
        error = progress.character_error
        text = (
            f"{progress.window:2d} attributes · loss {progress.loss:.3f} · character error "
            f"{'-' if error is None else f'{error:.2f}'} · {speed:.0f} entries/s"
        )
        self.bar.update(self.task, completed=progress.update, description=text)
        now = time.monotonic()
        if not out.is_terminal and now - self.told > 30:
            pace = (now - self.told) / (progress.update - self.told_update)
            self.told, self.told_update = now, progress.update
            left = (self.updates - progress.update) * pace
            print(
                f"update {progress.update} of {self.updates} · {text} · about {left / 60:.0f} min "
                "left at this pace",
                flush=True,
            )


@contextlib.contextmanager
def _bar(what: str, entries: int) -> Iterator[Callable[[int], None]]:
    """A bar of entries done, if somebody watches; what it yields is told how many more are."""
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=out, disable=not out.is_terminal) as bar:
        task = bar.add_task(what, total=entries)
        yield lambda rows: bar.advance(task, rows)


def _check_one_of(option: str, name: str, allowed: tuple[str, ...]) -> None:
    if name not in allowed:
        raise InputError(f"{option}: expected {' or '.join(allowed)}, got {name!r}")


def _policy(path: Path | None) -> Policy:
    return TABLE_I if path is None else Policy.from_csv(path)


def _pairs(receiver: str | None, folder: Path | None, blind: bool) -> dict:
    """Receiver -> the pair that was asked for; all receivers' if none was."""
    if folder is None and receiver is None:
        receivers = aalprivacy.shipped_receivers(blind=blind)
        return {r: aalprivacy.load_pair(r, blind=blind) for r in receivers}
    pair = _pair(receiver, folder, blind)
    return {receiver or pair.receiver: pair}


def _pair(receiver: str | None, folder: Path | None, blind: bool = False):
    if folder is not None and blind:
        raise InputError("--blind is a shipped pair, --pair another; expected one of them")
    if folder is None:
        return aalprivacy.load_pair(receiver, blind=blind)
    from aalprivacy.model import Pair

    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a trained pair")
    pair = Pair.load(folder)
    if receiver is not None and pair.receiver not in (None, receiver):
        raise InputError(f"{folder}: this pair is for {pair.receiver}, not for {receiver}")
    return pair


@contextlib.contextmanager
def _naming(file: Path | None):
    """Bad values inside are those of a file, if there is one."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{file}, {error}" if file else str(error)) from None


def _training_data(data: Path | None, about: dict):
    from aalprivacy.evaluation import VALIDATION_SEED

    if data is None:
        with out.status("simulating entries"):
            entries = simulate_entries(about["users"], about["entries_per_user"], about["seed"])
            return entries, simulate_entries(300, 1, VALIDATION_SEED)
    table = files.read_entries(data)
    # Whole users are held out, so that the validation doesn't see a user trained on.
    users = table[files.USER_ID] if files.USER_ID in table else table.index.to_series()
    held_out = users.isin(users.drop_duplicates().sample(frac=0.05, random_state=0))
    if held_out.sum() < 2 or (~held_out).sum() < 2:
        raise InputError(f"{data}: {len(table)} entries; expected those of 40 users or more")
    return table[~held_out], table[held_out].sample(min(300, held_out.sum()), random_state=0)


def _table(title: str, frame) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(frame.index.name or "")
    for column in frame.columns:
        table.add_column(str(column), justify="right")
    for key, row in frame.iterrows():
        cells = [
            f"{v:.1%}"
            if c in ("exact", "well-formed")
            else f"{v:,.0f}"
            if c == "entries"
            else f"{v:.3f}"
            for c, v in row.items()
        ]
        table.add_row(str(key), *cells)
    return table


def main() -> None:
    """Run the command line; exit code 1 on bad input or a lost worker, 130 on Ctrl-C."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except (InputError, WorkerLost) as error:
        print(f"aalprivacy: {error}", file=sys.stderr)
        sys.exit(1)

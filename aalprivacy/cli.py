"""The command line: it parses options, calls the package, and prints results.

Bad input gets one line of explanation.
"""

import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from aalprivacy import atomic, commands, progress, sealing, tables
from aalprivacy.errors import InputError
from aalprivacy.pair import pair_folder, shipped_names, shipped_pairs
from aalprivacy.policy import TABLE_I
from aalprivacy.recipe import BEGUN_RATE, Recipe

# What loads slowly (TensorFlow, scikit-learn, the simulator) is imported where it is needed.

app = typer.Typer(
    help="Learned privacy views: train an encoder and a receiver's decoder, encode entries, decode "
    "the view that the receiver may see. The paper's simulated homes are the example.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None,
)  # fmt: skip
out = progress.console()

Option = typer.Option

MOST_TEST = 200_000  # the paper's number of test entries
MOST_USERS = 10_000_000
FEW_PEOPLE = 300  # with fewer, a training prints a warning, as it memorises people

TABLES, UNTIDY = ".parquet, .csv or .csv.gz", ".csv or .tsv (also .gz), or .parquet"
Table = Annotated[
    Path, typer.Argument(help=f"Entries, one row each: {TABLES}, or a folder of such files.")
]
OutTable = Annotated[
    Path, Option("--out", help=f"Where to write: {TABLES}; without an ending, a folder of pieces.")
]
Piece = Annotated[int, Option(help="Entries in each piece of a folder.", min=1)]
Workers = Annotated[
    int, Option(help="Processes that write a folder, one thread each.", min=1, max=1000)
]
Scheduler = Annotated[
    str | None, Option(help="Address of a Dask cluster whose workers write a folder.")
]
PairName = Annotated[
    str | None,
    Option("--pair", help=f"A pair's folder, or a shipped pair: {', '.join(shipped_names())}."),
]
Receiver = Annotated[str, Option(help="Who receives the view.")]
AnyReceiver = Annotated[
    str | None, Option(help="Short for --pair with the shipped pair of a receiver of Table I.")
]
PolicyFile = Annotated[Path | None, Option("--policy", help="Who may see what (CSV).")]
SchemaFile = Annotated[Path | None, Option("--schema", help="What an entry is (TOML).")]
AsJson = Annotated[bool, Option("--json", help="Print JSON.")]
Seed = Annotated[int, Option(help="The same seed gives the same result.", min=0, max=2**32 - 1)]


def _with_recipe(command):
    """The command with an option for each field of the recipe, in place of ``**recipe``."""
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY,
            default="auto" if field.name == "product_dtype" else field.default,
            annotation=Annotated[field.type, Option(help=field.metadata["help"])],
        )
        for field in fields(Recipe)
    ]  # fmt: skip
    command.__signature__ = signature.replace(parameters=[*own, *options])
    command.__annotations__ |= {option.name: option.annotation for option in options}
    return command


@app.command()
def describe(
    table: Annotated[Path, typer.Argument(help=f"Your own table: {UNTIDY}.")],
    out_file: Annotated[Path, Option("--out", help="Where to write the schema: .toml.")],
    policy_out: Annotated[Path | None, Option(help="Where to write a policy to fill in.")] = None,
    receivers: Annotated[
        str, Option(help="The policy's receivers, with commas between.")
    ] = "receiver",
    hierarchies_out: Annotated[
        Path | None, Option(help="Folder for hierarchies to fill in, one for each list of values.")
    ] = None,
    id: Annotated[str | None, Option(help="The column that says whose entry it is.")] = None,
    show_values: Annotated[
        bool, Option("--show-values", help="Show some of the table's values in comments.")
    ] = False,
) -> None:
    """Write a first schema for your own table. Check and edit it before you use it."""
    names = [name.strip() for name in receivers.split(",")]
    if not all(names):
        raise InputError(f"--receivers: expected names with commas between, got {receivers!r}")
    written = commands.write_schema(
        table, out_file, policy_out, names, hierarchies_out, id=id, show_values=show_values
    )
    out.print("\n".join(written))


@app.command()
def prepare(
    table: Annotated[
        Path, typer.Argument(help=f"Your own table: {UNTIDY}, or a folder of such files.")
    ],
    schema: Annotated[Path, Option(help="What an entry is (TOML).")],
    out_file: Annotated[
        Path | None, Option("--out", help=f"Where to write: {TABLES}; without an ending, a folder.")
    ] = None,
    codes: Annotated[
        Path | None, Option(help="What the table's columns and codes mean (TOML).")
    ] = None,
    report: Annotated[Path | None, Option(help="Where to write the report too: .csv.")] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Only report the changes; write no entries.")
    ] = False,
    out_of_range: Annotated[
        str, Option(help="What to do with numbers beyond least and most: refuse or missing.")
    ] = "refuse",
    unknown: Annotated[
        str,
        Option(help="What to do with values that a list lacks: refuse, missing, or a value."),
    ] = "refuse",
    piece: Piece = commands.PIECE,
) -> None:
    """Correct an untidy table, and report each kind of change."""
    if out_file is None and not dry_run:
        raise InputError("--out: expected where to write, or --dry-run")
    entries, rows = commands.put_right(
        table, schema, None if dry_run else out_file, codes, report, commands.How(_bar, piece),
        out_of_range=out_of_range, unknown=unknown,
    )  # fmt: skip
    progress.show(out, f"{len(rows)} kinds of change", rows, commands.REPORT)
    if not dry_run:
        out.print(f"{entries:,} entries: {out_file}")


@app.command()
def simulate(
    out_file: Annotated[Path, Option("--out", help=f"Where to write: {TABLES}.")],
    users: Annotated[int, Option(help="How many homes, one user each.", max=MOST_USERS)] = 10_000,
    entries: Annotated[int, Option(help="How many entries per user.")] = 100,
    seed: Seed = 0,
    vocabulary: Annotated[
        str, Option(help="'training', or 'open' for names and places that no training has.")
    ] = "training",
    missing: Annotated[float, Option(help="Share of readings missing, 0 to 1.")] = 0.0,
    abnormal: Annotated[float, Option(help="Share of readings abnormal, 0 to 1.")] = 0.0,
) -> None:
    """Simulate assisted-living homes (the paper's example) and write their entries."""
    from aalprivacy import homes

    tables.check_table_writable(out_file)
    table = homes.simulate(
        users, entries, seed, vocabulary=vocabulary, missing=missing, abnormal=abnormal
    )
    tables.write_table(table, out_file)
    out.print(f"{len(table):,} entries of {users:,} users: {out_file}")


@app.command()
def view(
    entries: Table, receiver: Receiver, out_file: OutTable, policy: PolicyFile = None,
    schema: SchemaFile = None, piece: Piece = commands.PIECE,
) -> None:  # fmt: skip
    """Make a receiver's view by rule, exactly as the policy says."""
    rules = commands.find_policy(policy, schema)
    receiver = rules.receiver(receiver)
    inputs = [policy, schema, *commands.files_of(rules.schema)]
    how = commands.How(_bar, piece)
    made = commands.make_views(entries, out_file, rules, receiver, inputs, how)
    out.print(f"{made:,} views for {receiver}: {out_file}")


@app.command()
@_with_recipe
def train(
    context: typer.Context,
    receiver: Receiver,
    folder: Annotated[Path, Option("--out", help="Folder for the training and the pair.")],
    data: Annotated[Path | None, Option(help="Entries; by default homes are simulated.")] = None,
    schema: SchemaFile = None,
    policy: PolicyFile = None,
    resume: Annotated[bool, Option("--resume", help="Continue from the checkpoint.")] = False,
    start_from: Annotated[
        str | None,
        Option(
            help="Start from a pair (name or folder), which is re-keyed. The learning rate is then "
            f"{BEGUN_RATE:g} by default."
        ),
    ] = None,
    users: Annotated[
        int, Option(help="Users to simulate for training.", min=1, max=MOST_USERS)
    ] = 8_000,
    entries: Annotated[int, Option(help="Entries per user to simulate.", min=1)] = 100,
    until: Annotated[
        float | None, Option(help="Stop early, at this character error on validation people.")
    ] = None,
    minutes: Annotated[
        float | None, Option(help="Stop early, after this time of training.")
    ] = None,
    test_entries: Annotated[
        int, Option(help="Entries of each simulated test set.", min=2, max=MOST_TEST)
    ] = 2000,
    validate_every: Annotated[int, Option(help="Updates between two validations.", min=1)] = 1000,
    checkpoint_every: Annotated[int, Option(help="Updates between two checkpoints.", min=1)] = 1000,
    wait: Annotated[float, Option(help="Seconds to wait for other machines.", min=1)] = 60.0,
    **recipe,
) -> None:
    """Train an encoder and a receiver's decoder; Ctrl-C stops it, --resume continues.

    In a table of your own, a tenth of the people is held out for validation and a tenth for the
    test. With TF_CONFIG set, several machines train one pair together.
    """
    given = {name for name in context.params if _given(context, name)}
    rules = commands.find_policy(policy, schema)
    if data is None and rules.schema != TABLE_I.schema:
        raise InputError(
            "--data: expected entries; only entries of the shipped schema can be simulated"
        )
    if data is not None and given & {"users", "entries"}:
        raise InputError(
            "--users, --entries: these are for simulated homes; expected none beside --data"
        )
    for name, value in (("--until", until), ("--minutes", minutes)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name}: expected more than 0, got {value}")
    if start_from is not None and resume:
        raise InputError("--start-from: a resumed training continues from its checkpoint")
    if start_from is not None and given & {"first_window", "places"}:
        raise InputError(
            "--first-window, --places: a pair to start from has its own; expected none"
        )
    if start_from is not None and "learning_rate" not in given:
        recipe["learning_rate"] = BEGUN_RATE
    recipe = Recipe(**recipe)  # refuses what is out of range before anything is loaded
    request = commands.Request(
        folder, rules, rules.receiver(receiver), data, users, entries, resume, wait,
        commands.find_pair(start_from, None) if start_from else None, given,
    )  # fmt: skip
    with out.status("preparing the entries"):
        early = until is not None or minutes is not None
        run, test = commands.open_run(request, recipe, early=early)
    people = run.about["data"].get("people", FEW_PEOPLE)
    if people < FEW_PEOPLE:
        out.print(f"only {people} people: the pair may do worse on other people")
    trainer = run.trainer
    with progress.TrainingLine(out, trainer.recipe.updates, trainer.progress.update) as line:
        complete = run.fit(
            report=line, validate_every=validate_every, checkpoint_every=checkpoint_every,
            target=until, seconds=None if minutes is None else 60 * minutes,
        )  # fmt: skip
    workers, stopped = trainer.workers, f"stopped at update {trainer.progress.update:,}"
    if not workers.is_chief:
        out.print(f"{workers}: {'done; the pair is in the chief folder' if complete else stopped}")
    elif complete:
        with out.status("scoring the pair on the test sets"):
            run.finish(commands.final_tests(run, test, test_entries), until)
        out.print(f"trained pair: {folder}")
        window = trainer.progress.window
        if window < len(rules.schema):
            out.print(
                f"it never read whole entries, only {window} of {len(rules.schema)} attributes at "
                "a time, so its views are wrong; go on with --resume and more --updates"
            )
    else:
        out.print(f"{stopped}; continue with --resume: {folder}")
    if not complete:
        raise typer.Exit(130)


@app.command()
def encode(
    entries: Table,
    out_file: Annotated[
        Path, Option("--out", help="Where to write: .npz; without an ending, a folder of pieces.")
    ],
    pair: PairName = None,
    receiver: AnyReceiver = None,
    key: Annotated[Path | None, Option("--seal", help="Seal the codes with this key.")] = None,
    number_type: Annotated[
        str, Option(help="Type of the codes' numbers: float32, float16, int8 or small.")
    ] = "float32",
    piece: Piece = commands.PIECE, workers: Workers = 1, scheduler: Scheduler = None,
) -> None:  # fmt: skip
    """Turn entries into codes with the encoder of a receiver's pair."""
    seal_with = sealing.read_key(key) if key else None
    model = commands.find_pair(pair, receiver, ["encoder"])
    inputs = [key, *(pair_folder(pair).iterdir() if pair is not None else ())]
    how = commands.How(_bar, piece, workers, scheduler)
    made = commands.encode(entries, out_file, model, number_type, seal_with, inputs, how)
    out.print(f"{made:,} codes of {model.architecture.width} numbers: {out_file}")


@app.command()
def decode(
    file: Annotated[Path, typer.Argument(metavar="CODES", help="Codes that 'encode' wrote.")],
    out_file: OutTable,
    pair: PairName = None,
    receiver: AnyReceiver = None,
    force: Annotated[
        bool, Option("--force", help="Decode codes of another pair's encoder too.")
    ] = False,
    key: Annotated[Path | None, Option("--key", help="The key of sealed codes.")] = None,
    workers: Workers = 1, scheduler: Scheduler = None,
) -> None:  # fmt: skip
    """Turn codes into a receiver's view with its decoder."""
    unseal_with = sealing.read_key(key) if key else None
    model = commands.find_pair(pair, receiver, ["decoder"])
    how = commands.How(_bar, workers=workers, scheduler=scheduler)
    made, broken = commands.decode(file, out_file, model, unseal_with, force, [key], how)
    note = f" ({broken:,} lines without {len(model.schema)} values)" if broken else ""
    out.print(f"{made:,} views for {model.receiver}: {out_file}{note}")


@app.command()
def split(
    out_folder: Annotated[
        Path, Option("--out", help="Folder that gets the folders 'encoder' and 'decoder'.")
    ],
    pair: PairName = None,
    receiver: AnyReceiver = None,
) -> None:
    """Part a pair: its encoder for the home that sends codes, its decoder for the receiver.

    Each half is a folder for --pair: 'encode' takes the encoder's, 'decode' the decoder's.
    """
    for folder in commands.split(commands.find_pair(pair, receiver), out_folder):
        out.print(f"{folder.name}: {folder}")


@app.command()
def key(out_file: Annotated[Path, Option("--out", help="Where to write it.")]) -> None:
    """Make a key to seal codes with. Make one for each receiver, and keep it secret."""
    if out_file.exists():
        raise InputError(
            f"{out_file}: exists already; expected a new file, as codes can't be opened without "
            "their key"
        )
    atomic.write_secret(sealing.make_key() + "\n", out_file)
    out.print(f"key: {out_file}")


@app.command()
def evaluate(
    pair: PairName = None,
    receiver: AnyReceiver = None,
    data: Annotated[
        Path | None, Option(help="Entries, a file or a folder; by default homes are simulated.")
    ] = None,
    entries: Annotated[
        int, Option(help="Entries per simulated test set.", min=2, max=MOST_TEST)
    ] = 1000,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Score pairs: character error, exact and well-formed entries."""
    from aalprivacy import evaluation

    results = {}
    for name, model in commands.find_pairs(pair, receiver).items():
        rules = commands.find_policy(policy, schema=model.schema) if policy else None
        results[name] = commands.score(model, data, entries, rules, progress.warn, _bar)
    if as_json:
        print(json.dumps({r: evaluation.to_dict(s) for r, s in results.items()}, indent=2))
        return
    for name, scores in results.items():
        rows, columns = evaluation.to_text(scores)
        progress.show(out, f"{name}: wrong characters per entry", rows, columns)


@app.command()
def audit(
    pair: PairName = None,
    receiver: AnyReceiver = None,
    data: Annotated[Path | None, Option(help="Entries; by default homes are simulated.")] = None,
    known: Annotated[
        int, Option(help="Entries that the attacker knows.", min=10, max=10**7)
    ] = 2000,
    targets: Annotated[
        int, Option(help="Entries that the attacker tries to read.", min=10, max=10**6)
    ] = 500,
    updates: Annotated[
        int, Option(help="Updates of a decoder that the attacker trains.", min=1)
    ] = 600,
    seed: Seed = 0,
    parts: Annotated[
        str, Option(help="Which attacks: from outside, by the receiver, on people, on remedies.")
    ] = "lock,insider,people,remedies",
    out_file: Annotated[
        Path | None,
        Option("--out", help="JSON file for the results; an unfinished audit in it is continued."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Attack pairs: what can be read without the right key, and what do codes and keys reveal?

    It takes minutes; with --known 100000 --targets 1000 --updates 2000 more than an hour for each
    pair. After Ctrl-C the same command with the same --out continues where it stopped.
    """
    victims, ships = commands.find_pairs(pair, receiver), shipped_pairs()
    how = {"known": known, "targets": targets, "updates": updates, "seed": seed}
    how["parts"] = commands.audit_parts(parts)
    with progress.steps(out) as say:
        audits = commands.audit_pairs(victims, ships, data, how, out_file, say)
    if as_json:
        print(json.dumps(audits, indent=1))
        return
    columns = ["attack", "setting", "measure", "value (95 %)", "baseline", "control", "finding"]
    for name, about in audits.items():
        rows = commands.finding_rows(about["findings"])
        progress.show(out, f"{name}: attacks on its codes", rows, columns)
    out.print("'tells': the whole interval is better than the baseline, which uses no code.")


@app.command()
def reproduce(
    folder: Annotated[Path, Option("--out", help="Folder for figures and tables.")] = Path(
        "figures"
    ),
) -> None:
    """Write the figures, tables and verdicts of the shipped pairs."""
    atomic.make_folder(folder)
    atomic.check_writable(folder / "results.json")
    from aalprivacy.report import write_report

    with progress.steps(out) as say:
        written = write_report(folder, say)
    for path in written:
        out.print(f"  {path}")
    out.print((folder / "results.md").read_text("utf-8"))
    out.print(f"figures and tables: {folder.resolve()}")


def _given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _bar(doing: str, entries: int, done: int):
    """A bar that shows the progress of a command."""
    return progress.bar(out, doing, entries, done)

"""The work of the commands, between parsing and printing.

Entries come from a file. Without a file, homes are simulated, if the schema is the shipped one.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from aalprivacy import evaluation
from aalprivacy.atomic import check_writable, make_folder, write_text
from aalprivacy.codes import Codes, check_number_type, read_codes, write_codes
from aalprivacy.errors import InputError
from aalprivacy.pair import HALVES, Pair, load_pair, shipped_names, shipped_pairs
from aalprivacy.policy import TABLE_I, Policy, identifier
from aalprivacy.progress import Bar, warn
from aalprivacy.recipe import Recipe
from aalprivacy.runs import (
    Run,
    check_new,
    describe_table,
    held_out,
    other_data,
    people_of,
    read_run,
    some,
    split_people,
)
from aalprivacy.schema import Schema
from aalprivacy.tables import check_table_writable, naming, read_entries, write_table
from aalprivacy.text import from_lines, is_well_formed
from aalprivacy.views import apply_policy

PIECE = 10_000  # entries of a piece: a few seconds of encoding, a few megabytes of codes
REPORT = ("change", "attribute", "values", "such as", "becomes")  # columns of `prepare`'s report


@dataclass(frozen=True)
class Request:
    """What ``aalprivacy train`` was asked for, except the recipe.

    Parameters
    ----------
    folder, policy, receiver
        Where the run is kept, and whose pair it is.
    data
        A file of entries; without it, `users` homes of `entries` entries each are simulated.
    resume, wait, start_from
        See the command.
    given
        The options that the user wrote on the command line.
    """

    folder: Path
    policy: Policy
    receiver: str
    data: Path | None
    users: int
    entries: int
    resume: bool
    wait: float
    start_from: Pair | None
    given: Collection[str]


@dataclass(frozen=True)
class How:
    """How a command goes through a table.

    Parameters
    ----------
    bar
        Shows the progress.
    piece
        Entries of a piece.
    workers
        How many processes of this machine make the pieces; with 1 it is this process.
    scheduler
        Address of a Dask cluster that makes the pieces instead.
    """

    bar: Bar
    piece: int = PIECE
    workers: int = 1
    scheduler: str | None = None

    def place(self, path: Path) -> Path:
        """A path that a cluster's workers find too: they may have another working directory."""
        return path if self.scheduler is None else path.resolve()

    def by_pieces(self, source: Path, out: Path | None) -> bool:
        """Whether a table is processed in pieces: if a folder is written, a name without ending.

        Raises
        ------
        InputError
            If a folder is read and a file written, the output is inside the input, or several
            processes are to write a file.
        """
        if out is not None and (out.is_dir() or not out.suffix):
            if out.exists() and not out.is_dir():
                raise InputError(f"{out}: a file; expected a folder, or a name with an ending")
            if out.resolve().is_relative_to(source.resolve()):
                raise InputError(f"{out}: in the input, which would grow; expected another folder")
            return True
        if source.is_dir() and out is not None:
            raise InputError(
                f"{out}: a file for {source}, a folder; expected a name without ending"
            )
        if self.workers > 1 or self.scheduler is not None:
            raise InputError(f"--workers, --scheduler: {out} is a file; expected a folder's name")
        return source.is_dir()

    def run(self, work, out: Path | None, doing: str, key: bytes | None = None):
        """Do a work of `aalprivacy.streams`; without an output folder, only collect its report."""
        from aalprivacy import cluster, streams

        if out is None:
            return streams.look(work, doing, self.bar)
        hands = streams.make_pieces
        if self.scheduler is not None:
            hands = partial(cluster.on_dask, address=self.scheduler)
        elif self.workers > 1:
            hands = partial(cluster.on_processes, workers=self.workers)
        try:
            return streams.run(streams.Job.of(work, out, key), doing, self.bar, hands)
        except KeyboardInterrupt:
            warn("stopped; the same command continues where it stopped")
            raise


def find_policy(path: Path | None, schema: Path | Schema | None) -> Policy:
    """The policy that was asked for; by default Table I.

    Raises
    ------
    InputError
        If there is a schema without a policy, or a file isn't what it should be.
    """
    if path is None and schema is None:
        return TABLE_I
    if path is None:
        raise InputError("--schema: expected a --policy too, which says who may see what")
    if schema is None:
        try:
            return Policy.from_csv(path, TABLE_I.schema)
        except InputError as error:
            raise InputError(f"{error}; a table of your own needs its --schema too") from None
    return Policy.from_csv(path, schema if isinstance(schema, Schema) else Schema.from_toml(schema))


def find_pair(pair: str | None, receiver: str | None, needs: Sequence[str] = HALVES) -> Pair:
    """The pair that was asked for, by ``--pair`` or, for a shipped pair, by ``--receiver``.

    Parameters
    ----------
    pair, receiver
        See the commands.
    needs
        The halves that it must have. By default both.

    Raises
    ------
    InputError
        If there is no such pair, it is for another receiver, or it lacks a half.
    """
    if pair is None and receiver is None:
        raise InputError(f"--pair: expected a folder, or one of {', '.join(shipped_names())}")
    model = load_pair(pair if pair is not None else identifier(receiver))
    if receiver is not None and identifier(receiver) != identifier(model.receiver):
        raise InputError(f"{pair}: this pair is for {model.receiver}, not for {receiver}")
    with naming(pair):
        model.needs(*needs)
    return model


def split(pair: Pair, out: Path) -> list[Path]:
    """Write each half of a pair into a folder of its own.

    Parameters
    ----------
    pair
        The whole pair.
    out
        The folder that gets the folders ``encoder`` and ``decoder``.

    Returns
    -------
    The two folders.

    Raises
    ------
    InputError
        If one of them exists already, or can't be written.
    """
    folders = [out / half for half in HALVES]
    for folder in folders:
        if folder.exists():
            raise InputError(f"{folder}: exists already; expected another --out")
    for half, folder in zip(HALVES, folders, strict=True):
        pair.only(half).save(folder)
    return folders


def find_pairs(pair: str | None, receiver: str | None) -> dict[str, Pair]:
    """Name -> the pair that was asked for; by default all shipped pairs."""
    if pair is None and receiver is None:
        return shipped_pairs()
    model = find_pair(pair, receiver)
    return {pair if pair in shipped_names() else model.receiver: model}


def write_schema(
    table: Path,
    schema: Path,
    policy: Path | None,
    receivers: Sequence[str],
    hierarchies: Path | None,
    *,
    id: str | None,
    show_values: bool,
) -> list[str]:
    """Write a first schema for a table; if asked for, also a policy and hierarchies to fill in.

    Parameters
    ----------
    table
        The file of the table.
    schema, policy, hierarchies
        Where to write: two files, and a folder.
    receivers
        The policy's receivers.
    id, show_values
        See `aalprivacy.describe.describe`.

    Returns
    -------
    What was written, and what the user should do with it.

    Raises
    ------
    InputError
        If the table can't be read or described, a file can't be written, or a hierarchy exists
        already, as a person may have filled it in.
    """
    from aalprivacy.describe import LEFT_OUT, NO_ID, describe, hierarchy_stubs, policy_template
    from aalprivacy.prepare import read_untidy

    check_writable(schema, [table])
    if policy is not None:
        check_writable(policy, [table, schema])
    corrected = next(
        (file for file in (schema, policy) if file is not None and file.exists()), None
    )
    if corrected is not None:
        raise InputError(
            f"{corrected}: exists already, maybe corrected by hand; expected another name, or "
            "delete it first"
        )
    if policy is not None:
        policy_template(TABLE_I.schema, receivers)  # refuses receivers before a file is written
    text = describe(read_untidy(table), id=id, show_values=show_values)
    stubs = {}
    if hierarchies is not None:
        beside = os.path.relpath(hierarchies, schema.parent)
        text, stubs = hierarchy_stubs(text, Path(beside).as_posix())
        filled = next((name for name in stubs if (hierarchies / name).exists()), None)
        if filled:
            raise InputError(f"{hierarchies / filled}: exists already; expected an empty folder")
        make_folder(hierarchies)
    for name, stub in stubs.items():
        write_text(stub, hierarchies / name)
    write_text(text, schema)
    said = [f"schema: {schema}; read it and correct it before you use it"]
    if NO_ID in text:
        said.append("each row is taken for a person of its own; --id names a column that says who")
    left_out = text.count(LEFT_OUT)
    if left_out:
        said.append(f"{left_out} columns left out; the schema file says why")
    if stubs:
        said.append(f"hierarchies: {len(stubs)} in {hierarchies}; write groups in place of 'any'")
    if policy is not None:
        write_text(policy_template(Schema.from_toml(schema), receivers), policy)
        said.append(f"policy: {policy}; every letter in it is a guess")
    return said


def make_views(
    entries: Path,
    out: Path,
    policy: Policy,
    receiver: str,
    inputs: Sequence[Path | None],
    how: How,
) -> int:
    """Make views of entries by rule, and write them.

    Parameters
    ----------
    entries, out
        The input, a file or a folder; and the output, a file or a folder of pieces.
    policy, receiver
        The rules, and whose view.
    inputs
        Other files that are read, so the output must not replace them.
    how
        How the table is processed.

    Returns
    -------
    How many views.
    """
    if how.by_pieces(entries, out):
        from aalprivacy.streams import Pieces, Views

        table = Pieces.of(entries, how.piece).checked(policy.schema)
        return how.run(Views(table, policy, receiver), out, "viewing").rows
    check_table_writable(out, [entries, *inputs])
    made = apply_policy(read_entries(entries, policy.schema), policy, receiver)
    write_table(made, out)
    return len(made)


def encode(
    entries: Path,
    out: Path,
    pair: Pair,
    number_type: str,
    key: bytes | None,
    inputs: Sequence[Path | None],
    how: How,
) -> int:
    """Make codes of entries with the encoder of a pair, and write them.

    Parameters
    ----------
    entries, out, inputs, how
        As for `make_views`.
    pair, number_type, key
        The pair whose encoder is used, and how the codes are written.

    Returns
    -------
    How many codes.
    """
    check_number_type(number_type, pair.small)
    entries, out = how.place(entries), how.place(out)
    if how.by_pieces(entries, out):
        from aalprivacy import streams

        table = streams.Pieces.of(entries, how.piece).checked(pair.schema)
        return how.run(streams.Codes(table, pair, number_type), out, "encoding", key).rows
    check_writable(out, [entries, *inputs])
    if out.suffix != ".npz":
        raise InputError(
            f"{out}: unknown ending {out.suffix!r}; expected .npz, or none of a folder"
        )
    table = read_entries(entries, pair.schema)
    with naming(entries), how.bar("encoding", len(table), 0) as report:
        made = pair.encode_entries(table, report)
    write_codes(Codes(made, pair.fingerprint, pair.receiver), out, key, number_type, pair.small)
    return len(made)


def decode(
    codes: Path,
    out: Path,
    pair: Pair,
    key: bytes | None,
    force: bool,
    inputs: Sequence[Path | None],
    how: How,
) -> tuple[int, int]:
    """Write views of codes with the decoder of a pair.

    Parameters
    ----------
    codes, out, inputs, how
        As for `make_views`.
    pair, key, force
        The pair whose decoder is used, the key of sealed codes, and whether codes of another
        encoder are accepted.

    Returns
    -------
    How many views, and how many of them had too few or too many values.
    """
    codes, out = how.place(codes), how.place(out)
    if how.by_pieces(codes, out):
        from aalprivacy.streams import Decoded, Folder

        if codes.is_file():
            raise InputError(
                f"{out}: names a folder, but {codes} is a single file; expected a file for the "
                "views too, such as views.csv"
            )
        said = how.run(Decoded(Folder.open(codes, key), pair, force), out, "decoding")
        return said.rows, said.broken
    check_table_writable(out, [codes, *inputs])
    mark, width = None if force else pair.fingerprint, pair.architecture.width
    read = read_codes(codes, width, mark, pair.receiver, key, pair.small)
    with how.bar("decoding", len(read.codes), 0) as report:
        lines = pair.decode(read.codes, report=report)
    write_table(from_lines(lines, pair.schema, errors="coerce"), out)
    return len(lines), int((~is_well_formed(lines, pair.schema)).sum())


def put_right(
    table: Path,
    schema: Path,
    out: Path | None,
    codes: Path | None,
    report: Path | None,
    how: How,
    **choices: str,
) -> tuple[int, list[list[str]]]:
    """Correct a table and write its entries; if asked for, also write a report of the changes.

    Parameters
    ----------
    table, schema, codes
        The files of the table, of the schema, and of the code book.
    out
        Where to write the entries; ``None`` writes none.
    report
        Where to write the report as CSV; ``None`` writes none.
    how
        As for `make_views`.
    choices
        See `aalprivacy.prepare.prepare`.

    Returns
    -------
    How many entries, and a row of text for each kind of change, with the columns of `REPORT`.

    Raises
    ------
    InputError
        If a file can't be read or written, or a value can't be corrected.
    """
    from aalprivacy.codebook import CodeBook
    from aalprivacy.prepare import prepare, read_untidy

    kind = Schema.from_toml(schema)
    inputs = [table, schema, codes, *files_of(kind)]
    in_pieces = how.by_pieces(table, out)
    if out is not None and not in_pieces:
        check_table_writable(out, inputs)
    if report is not None:
        check_writable(report, [*inputs, out])
    book = CodeBook.from_toml(codes) if codes else CodeBook()
    if in_pieces:
        from aalprivacy.streams import Entries, Pieces

        made = Entries.of(Pieces.of(table, how.piece), kind, book, choices, how.bar)
        said = how.run(made, out, "preparing")
        count, changes = said.rows, said.changes
    else:
        untidy = read_untidy(table)
        with naming(table):
            entries, changes = prepare(untidy, kind, codes=book, **choices)
        count = len(entries)
        if out is not None:
            write_table(entries, out)
    rows = [[c.kind, c.attribute, f"{c.count:,}", c.before, c.after] for c in changes]
    if report is not None:
        exact = [[*row[:2], c.count, *row[3:]] for row, c in zip(rows, changes, strict=True)]
        write_text(pd.DataFrame(exact, columns=list(REPORT)).to_csv(index=False), report)
    return count, rows


def files_of(schema: Schema) -> list[str]:
    """The files of a schema's hierarchies."""
    rules = (attribute.generalise for attribute in schema.attributes)
    return [rule.source for rule in rules if getattr(rule, "source", "")]


def open_run(request: Request, recipe: Recipe, *, early: bool) -> tuple[Run, pd.DataFrame | None]:
    """Begin or resume a training.

    Parameters
    ----------
    request
        What was asked for.
    recipe
        How to train.
    early
        Whether it may stop before the last update; with several machines it can't.

    Returns
    -------
    The run; and the test entries, if the entries come from a file.

    Raises
    ------
    InputError
        If options don't fit together, or differ from those that the training was begun with.
    """
    from aalprivacy.workers import Workers

    workers = Workers.from_environment()
    if early and workers.count > 1:
        raise InputError(
            "--until, --minutes: only one machine can stop early; expected no TF_CONFIG"
        )
    if request.start_from is not None and workers.count > 1:
        raise InputError("--start-from: only one machine can do this; expected no TF_CONFIG")
    data = {"users": request.users, "entries_per_user": request.entries}
    if workers.is_chief and request.resume:
        data = _data_begun_with(request)
    elif workers.is_chief:
        check_new(request.folder)
    if workers.count > 1:
        workers.connect(request.wait)
        chiefs = workers.text_from_chief("" if request.data else json.dumps(data))
        if bool(chiefs) is bool(request.data):
            raise other_data(workers)
        data = json.loads(chiefs or "{}")
    entries, validation, test, about = _training_tables(request, data)
    if request.resume:
        run = Run.resume(
            request.folder, entries, validation, request.policy, request.receiver, recipe,
            given=request.given, workers=workers,
        )  # fmt: skip
        return run, test
    run = Run.begin(
        request.folder, entries, validation, request.policy, request.receiver, recipe,
        data=about, start_from=request.start_from, workers=workers,
    )  # fmt: skip
    return run, test


def _data_begun_with(request: Request) -> dict:
    """The data of the training to be resumed; options that differ from it are refused."""
    begun = read_run(request.folder)["data"]
    if ("users" in begun) is (request.data is not None):
        source = "simulated homes" if "users" in begun else "a file"
        raise InputError(
            f"{request.folder}: was begun with another source of data; expected {source}"
        )
    if request.data is None:
        _unchanged(request, "users", begun["users"], request.users)
        _unchanged(request, "entries", begun["entries_per_user"], request.entries)
    return begun


def _unchanged(request: Request, option: str, begun, asked) -> None:
    if option in request.given and asked != begun:
        raise InputError(
            f"{request.folder}: was begun with --{option.replace('_', '-')} {begun}; "
            f"expected that or none, got {asked}"
        )


def _training_tables(request: Request, data: Mapping):
    """Entries for training, validation and test, and what the card says about them."""
    schema = request.policy.schema
    if request.data is None:
        from aalprivacy import homes

        users, per_user, seed = data["users"], data["entries_per_user"], homes.TRAINING_SEED
        entries = homes.simulate(users, per_user, seed)
        about = {"seed": seed, "users": users, "entries_per_user": per_user}
        return entries, homes.simulate(300, 1, homes.VALIDATION_SEED), None, about
    table = read_entries(request.data, schema)
    try:
        parts = split_people(table, schema)
    except InputError as error:
        raise InputError(f"{request.data}: {error}") from None
    about = {"file": request.data.name, **describe_table(table, schema)}
    return parts.training, some(parts.validation), parts.test, about


def final_tests(run: Run, test: pd.DataFrame | None, entries: int) -> dict[str, pd.DataFrame]:
    """The test sets for the card of a complete training: `test`, or simulated ones."""
    if test is not None:
        return {"held out": test}
    from aalprivacy import homes

    return homes.make_test_sets(entries, run.about["data"])


def score(
    pair: Pair,
    data: Path | None,
    entries: int,
    policy: Policy | None,
    say: Callable[[str], None],
    bar: Bar,
) -> dict[str, evaluation.Score]:
    """Score a pair on a table, piece by piece, or on simulated test sets.

    If the pair was trained on this table, only its test people are scored. If it was trained on
    another table, all people are scored, and `say` is called with a warning.

    Parameters
    ----------
    pair, policy
        The pair to score; and the rule, if it isn't the pair's own.
    data, entries
        The table; without it, homes are simulated with this number of entries.
    say
        Called with the warning.
    bar
        Shows the progress.

    Returns
    -------
    dict of name of a set of entries -> score.

    Raises
    ------
    InputError
        If there is no table and homes can't be simulated for the pair's schema.
    """
    if data is None:
        from aalprivacy import homes

        _simulable(pair.schema)
        sets = homes.make_test_sets(entries, pair.card.get("data", {}))
        return evaluation.evaluate_all(pair, sets, policy)
    from aalprivacy.pieces import Pieces

    table = Pieces.of(data, PIECE).checked(pair.schema)
    trained_on = pair.card.get("data", {})
    if "table" in trained_on:
        # Training had it in memory, so there is room for it here too.
        if table.has(trained_on["entries"], pair.schema):
            parts = held_out(pair, pd.concat(table.all_entries(pair.schema), ignore_index=True))
            if parts is not None:
                name = f"{data.name}, people held out"
                return evaluation.evaluate_all(pair, {name: parts.test}, policy)
        say(
            f"{data}: not the table that the pair was trained on, so all of it is scored; the "
            "score is too good if some of these people were trained on"
        )
    with bar("scoring", table.rows, 0) as report:

        def watched() -> Iterator[pd.DataFrame]:
            for piece in table.all_entries(pair.schema):
                yield piece
                report(len(piece))

        return {data.name: evaluation.evaluate(pair, watched(), policy)}


def audit_pairs(
    victims: Mapping[str, Pair],
    ships: Mapping[str, Pair],
    data: Path | None,
    how: Mapping,
    path: Path | None,
    say: Callable[[str], None],
) -> dict[str, dict]:
    """Attack pairs, one after the other; an audit continues after the attacks in its file.

    Parameters
    ----------
    victims
        Name -> pair.
    ships
        Name -> pair that an attacker may have as its own, if it has the victim's schema.
    data
        A file of entries of people that the pairs weren't trained on. It may be the training's own
        file: then only the people held out are used. By default homes are simulated.
    how
        ``known``, ``targets``, ``updates``, ``seed``, and ``parts``, a list of those of
        `aalprivacy.audit.PARTS` that are made.
    path
        JSON file of the results.
    say
        Called with a text that says what is being done.

    Returns
    -------
    dict of name -> settings and results, plain values.
    """
    from aalprivacy import audit

    others = {
        name: {
            own: pair
            for own, pair in ships.items()
            if pair.fingerprint != victim.fingerprint and pair.schema == victim.schema
        }
        for name, victim in victims.items()
    }
    from aalprivacy.pieces import Pieces

    of_file = {"data": data.name, "table": Pieces.of(data, PIECE).fingerprint} if data else {}
    about = {
        name: {
            "edition": audit.EDITION,
            **how,
            **of_file,
            "encoder": victim.fingerprint,
            "others": {own: pair.fingerprint for own, pair in others[name].items()},
        }
        for name, victim in victims.items()
    }
    audits = _begun_audits(path, about)
    for name, victim in victims.items():
        found = audits[name]

        def keep(done: int, findings: list, found: dict = found) -> None:
            found |= {"attacks": done, "findings": audit.to_rows(findings)}
            if path is not None:
                write_text(json.dumps(audits, indent=1) + "\n", path)

        parts = _case_tables(victim, data, how, say)  # refuses bad tables before anything is said
        say(f"{name}: encoding")
        case = audit.Case(victim, **parts)
        audit.run_audit(
            case, others[name], updates=how["updates"], seed=how["seed"], parts=how["parts"],
            begun=(found["attacks"], audit.from_rows(found["findings"])), keep=keep,
            say=lambda text, name=name: say(f"{name}, {text}"),
        )  # fmt: skip
    return audits


def audit_parts(text: str) -> list[str]:
    """The parts of an audit that are named, with commas between, in the order of the audit.

    Raises
    ------
    InputError
        If there is no such part.
    """
    from aalprivacy.audit import PARTS

    asked = [part.strip() for part in text.split(",")]
    if not set(asked) <= set(PARTS):
        raise InputError(f"--parts: expected some of {', '.join(PARTS)}, got {text!r}")
    return [part for part in PARTS if part in asked]


def _case_tables(
    pair: Pair, data: Path | None, how: Mapping, say: Callable[[str], None]
) -> dict[str, pd.DataFrame]:
    """The tables of an audit's case, simulated or from a file."""
    if data is None:
        from aalprivacy import homes

        _simulable(pair.schema)
        trained_on = pair.card.get("data") if "people" in how["parts"] else None
        return homes.audit_tables(how["known"], how["targets"], data=trained_on)
    from aalprivacy.audit.tables import case_tables

    table = read_entries(data, pair.schema)
    parts = held_out(pair, table)
    if parts is not None:
        table = pd.concat([parts.validation, parts.test], ignore_index=True)
    elif "table" in pair.card.get("data", {}):
        say(
            f"{data}: not the table that the pair was trained on, so all of it is used; attacks "
            "may succeed too easily if some of these people were trained on"
        )
    try:
        tables = case_tables(
            table, pair.schema, known=how["known"], targets=how["targets"], seed=how["seed"]
        )
    except InputError as error:
        raise InputError(f"{data}: {error}") from None
    if parts is None:
        return tables
    # The attacker fits its random codes to the known people, so these aren't among the strangers.
    whose = people_of(table, pair.schema)
    known = whose.isin(whose[tables["known"].index])
    return tables | {"members": parts.training, "strangers": table[~known]}


def _simulable(schema: Schema) -> None:
    if schema != TABLE_I.schema:
        raise InputError(
            "--data: expected entries; only those of the shipped schema can be simulated"
        )


def _begun_audits(path: Path | None, about: dict[str, dict]) -> dict[str, dict]:
    """The audits that a file holds, or new ones; `about` has the pairs and settings asked for.

    Raises
    ------
    InputError
        If the file holds anything but audits of the same pairs with the same settings.
    """
    begun = {name: {**facts, "attacks": 0, "findings": []} for name, facts in about.items()}
    if path is None:
        return begun
    check_writable(path)
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
            "same options, pairs and edition of the attacks, or no file"
        )
    return kept


def finding_rows(findings: list[dict]) -> list[list[str]]:
    """An audit's findings, as rows of text to print."""
    from aalprivacy.audit import from_rows

    return [
        [
            f.attack,
            str(f.setting),
            " ".join(part for part in (f.attribute, f.measure) if part),
            f"{f.value:.3f} ({f.low:.3f} to {f.high:.3f})",
            f"{f.baseline:.3f}",
            f"{f.control:.3f}",
            "tells" if f.beats_baseline else "",
        ]
        for f in from_rows(findings)
    ]

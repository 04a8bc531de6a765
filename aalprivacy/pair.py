"""Lock and key: the encoder and the decoder that belong to a receiver, as plain arrays and a card.

A pair knows what an entry is (its schema), what its receiver may see (its policy) and how its
network is built (its architecture). It encodes and decodes with NumPy alone
(`aalprivacy.runtime`); `Pair.keras` gives the same network as two Keras models.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from aalprivacy import runtime
from aalprivacy.architecture import Architecture
from aalprivacy.atomic import make_folder, write_text, write_whole
from aalprivacy.errors import InputError
from aalprivacy.policy import Policy
from aalprivacy.schema import Schema, with_rules
from aalprivacy.small import Small, half
from aalprivacy.text import from_lines, from_tokens, to_lines, to_tokens, view_lines
from aalprivacy.views import apply_policy

if TYPE_CHECKING:
    import keras

WEIGHTS, CARD = "weights.safetensors", "card.json"
WEIGHTS_VERSION = 3
HALVES = ("encoder", "decoder")
PRETRAINED = Path(str(resources.files("aalprivacy"))) / "pretrained"
_TYPES = {field.name: type(field.default) for field in fields(Architecture)}


@dataclass(frozen=True, eq=False)
class Pair:
    """An encoder and the decoder trained with it, or one of the two (`only`).

    Parameters
    ----------
    weights
        Name -> float32 array, as `Architecture.shapes` lists them; of one half, or of both.
    architecture
        How the network is built.
    receiver
        Whose decoder it is.
    policy
        What the receiver may see; it knows its schema.
    card
        What else is known about the pair: data, recipe, training, machine, versions, test results.
    small
        How its codes are rounded to few bytes, if that was fitted (`aalprivacy.small.fit`).
    lacks
        The fingerprint of the half that it lacks; empty for a whole pair.
    """

    weights: Mapping[str, np.ndarray]
    architecture: Architecture
    receiver: str
    policy: Policy
    card: dict = field(default_factory=dict)
    small: Small | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """What an entry is."""
        return self.policy.schema

    @property
    def blind(self) -> bool:
        """Whether the encoder reads the view and never the entry."""
        return self.architecture.blind

    def needs(self, *halves: str) -> None:
        """Refuse a pair that lacks one of these halves.

        Parameters
        ----------
        halves
            ``"encoder"``, ``"decoder"`` or both.

        Raises
        ------
        InputError
            If it lacks one.
        """
        for part in halves:
            if part in self.lacks:
                raise InputError(
                    f"this half of a pair for {self.receiver} has no {part}; expected the whole "
                    "pair"
                )

    def only(self, part: str) -> "Pair":
        """The encoder without the decoder, for a home, or the decoder alone, for a receiver.

        Whoever has an encoder can make as many codes of known entries as it likes, and learn from
        them. A receiver needs the decoder only.

        Parameters
        ----------
        part
            ``"encoder"`` or ``"decoder"``.

        Raises
        ------
        InputError
            If the pair lacks this half itself.
        """
        self.needs(part)
        (other,) = (name for name in HALVES if name != part)
        weights = {name: self.weights[name] for name in self.architecture.names(part)}
        return replace(self, weights=weights, lacks={other: self.fingerprints[other]})

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint, which files of its codes hold."""
        return self._mark("encoder")

    def _mark(self, part: str) -> str:
        if part in self.lacks:
            return self.lacks[part]
        return _fingerprint(self.weights, self.architecture.names(part))

    @property
    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of the encoder's arrays, the decoder's arrays, and the form, 16 digits each.

        The form is everything else that determines the pair's function: architecture, receiver,
        policy and schema. With small codes there is a fourth one, of their arrays.
        """
        small = {"small": self.small.fingerprint} if self.small else {}
        return small | {
            "encoder": self.fingerprint,
            "decoder": self._mark("decoder"),
            "form": _form(self.architecture, self.receiver, self.letters, self.schema.to_dict()),
        }

    @property
    def letters(self) -> dict[str, str]:
        """What the receiver may see: attribute name -> ``F``, ``G`` or ``D``."""
        return self.policy.letters(self.receiver)

    def encode(
        self, tokens: np.ndarray, report: Callable[[int], None] = lambda rows: None
    ) -> np.ndarray:
        """Turn tokens into codes.

        Parameters
        ----------
        tokens
            Whole numbers ``(n, length)``, as `aalprivacy.text.to_tokens` makes them.
        report
            Called with the number of rows done since the last call.

        Returns
        -------
        float32 ``(n, 2 units)``, ``[h; c]`` of the encoder's last step.

        Raises
        ------
        InputError
            If the pair has no encoder, or a number isn't a token's.
        """
        self.needs("encoder")
        tokens, most = np.asarray(tokens), self.architecture.tokens
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < most:
            found = f"{tokens.min()} to {tokens.max()}"
            raise InputError(f"tokens: expected numbers of 0 to {most - 1}, got {found}")
        return runtime.encode(self.weights, self.architecture, tokens, report=report)

    def encode_entries(
        self, entries: pd.DataFrame, report: Callable[[int], None] = lambda rows: None
    ) -> np.ndarray:
        """Codes of a table of entries, float32 ``(n, 2 units)``; a blind pair encodes their views.

        Raises
        ------
        InputError
            If a value is null or not of its attribute's form, a line is too long, or the pair has
            no encoder.
        """
        if self.blind:
            lines = view_lines(apply_policy(entries, self.policy, self.receiver), self.schema)
        else:
            lines = to_lines(entries, self.schema)
        return self.encode(to_tokens(lines, self.schema), report)

    def decode(
        self,
        codes: np.ndarray,
        index: pd.Index | None = None,
        report: Callable[[int], None] = lambda rows: None,
    ) -> pd.Series:
        """Turn codes into lines: the most probable character, step by step (greedy decoding).

        Parameters
        ----------
        codes
            float32 ``(n, 2 units)``.
        index
            The index of the lines; by default 0, 1, 2, ...
        report
            Called with the number of rows done since the last call.

        Returns
        -------
        Series of text, one line a code; `aalprivacy.text.from_lines` makes a table of it.

        Raises
        ------
        InputError
            If the pair has no decoder, or the codes have another width or hold what isn't a number.
        """
        self.needs("decoder")
        codes, width = np.asarray(codes), self.architecture.width
        if codes.ndim != 2 or codes.shape[1] != width:
            raise InputError(f"codes: expected shape (n, {width}), got {codes.shape}")
        if not np.isfinite(codes).all():
            raise InputError("codes: not a number, or infinite; expected finite numbers")
        longest = self.schema.longest
        tokens = runtime.decode(
            self.weights, self.architecture, codes, longest=longest, report=report
        )
        return from_tokens(tokens, self.schema, index)

    def losses(self, codes: np.ndarray, lines: pd.Series) -> np.ndarray:
        """Minus the log probabilities that the decoder gives to lines, given their codes; in nats.

        Parameters
        ----------
        codes
            float32 ``(n, 2 units)``.
        lines
            The lines, ``(n,)``.

        Returns
        -------
        float32 ``(n, longest + 1)``: for each character, and for each line's end; 0 after that.

        Raises
        ------
        InputError
            If a line is too long or has a character outside the alphabet, or the pair has no
            decoder.
        """
        self.needs("decoder")
        tokens = to_tokens(lines, self.schema)
        return runtime.losses(self.weights, self.architecture, codes, tokens)

    def decode_views(self, codes: np.ndarray, index: pd.Index | None = None) -> pd.DataFrame:
        """Turn codes into a table of views; `from_lines` says what becomes of malformed lines."""
        return from_lines(self.decode(codes, index), self.schema, errors="coerce")

    def view_lines(self, entries: pd.DataFrame) -> pd.Series:
        """What the decoder should write for entries: the lines of their views by rule."""
        return view_lines(apply_policy(entries, self.policy, self.receiver), self.schema)

    def keras(self) -> "tuple[keras.Model, keras.Model]":
        """The encoder and the decoder as Keras models of stock layers; needs TensorFlow.

        Raises
        ------
        InputError
            If the pair has one half only.
        """
        self.needs(*HALVES)
        from aalprivacy.model import to_keras

        return to_keras(self)

    def with_weights(self, changed: Mapping[str, np.ndarray]) -> "Pair":
        """The pair with some arrays replaced by others of the same shapes."""
        return replace(self, weights={**self.weights, **changed})

    def rekeyed(self, seed: int) -> "Pair":
        """A pair of the same function whose codes are permuted and have other signs.

        An LSTM's units can be in any order. A unit's state can change its sign, if the weights that
        read it change their signs too. So there are ``units! * 2**units`` pairs of the same
        function. The card counts in ``rekeyed`` how often this was done.

        Parameters
        ----------
        seed
            Seed of the permutation and the signs.

        Raises
        ------
        InputError
            If the pair has one half only.
        """
        self.needs(*HALVES)
        rng = np.random.default_rng(seed)
        units, width = self.architecture.units, self.architecture.embedding
        order, sign = rng.permutation(units), rng.choice(np.array([-1, 1], np.float32), units)
        # h and c of a unit get the same new place and sign. The candidate changes its sign with
        # them, the other gates don't.
        gates = np.concatenate([gate * units + order for gate in range(4)])
        turns = np.concatenate([np.ones(2 * units), sign, np.ones(units)]).astype(np.float32)
        arrays = dict(self.weights)

        def rows(kernel: np.ndarray) -> np.ndarray:
            return kernel[order] * sign[:, None]

        for part in ("encoder", "decoder"):
            for name in ("kernel", "recurrent_kernel", "bias"):
                key = f"{part}/lstm/{name}"
                arrays[key] = arrays[key][..., gates] * turns
            arrays[f"{part}/lstm/recurrent_kernel"] = rows(arrays[f"{part}/lstm/recurrent_kernel"])
        if self.architecture.code_at_every_step:
            kernel = arrays["decoder/lstm/kernel"]
            of_code = [rows(half) for half in np.split(kernel[width:], 2)]
            arrays["decoder/lstm/kernel"] = np.concatenate([kernel[:width], *of_code])
        arrays["decoder/scores/kernel"] = rows(arrays["decoder/scores/kernel"])
        card = self.card | {"rekeyed": self.card.get("rekeyed", 0) + 1}
        small = self.small and self.small.rekeyed(
            np.concatenate([order, units + order]), np.concatenate([sign, sign])
        )
        return replace(self, weights=arrays, card=card, small=small)

    def halved(self) -> "Pair":
        """The pair with its numbers rounded to float16, so that its file is half as large."""
        rounded = {name: half(array) for name, array in self.weights.items()}
        return replace(self, weights=rounded)

    def save(self, folder: str | Path) -> None:
        """Write ``weights.safetensors`` and ``card.json``.

        An array whose numbers float16 can hold exactly is stored so (see `halved`).

        Raises
        ------
        InputError
            If it can't be written.
        """
        folder = Path(folder)
        make_folder(folder)
        arrays, small = {}, {}
        if self.small:
            small = {f"small/{name}": array for name, array in vars(self.small).items()}
        for name, array in (*self.weights.items(), *small.items()):
            exact = np.array_equal(half(array), array)
            arrays[name] = np.ascontiguousarray(array, np.float16 if exact else None)
        head = {"version": str(WEIGHTS_VERSION), **_as_text(asdict(self.architecture))}
        card = {
            "receiver": self.receiver,
            "policy": self.letters,
            "schema": self.schema.to_dict(),
            **self.card,
            "fingerprints": self.fingerprints,
        }
        write_whole(folder / WEIGHTS, lambda draft: save_file(arrays, draft, head))
        write_text(json.dumps(card, indent=2) + "\n", folder / CARD)

    @classmethod
    def load(
        cls, folder: str | Path, rules: Mapping[str, Callable[[str], str]] | None = None
    ) -> "Pair":
        """Read a folder that `save` wrote.

        Parameters
        ----------
        folder
            With ``weights.safetensors`` and ``card.json``.
        rules
            Attribute name -> its rule of generalisation, if that is a Python function. A file can't
            hold functions.

        Raises
        ------
        InputError
            If a file is missing or broken, or the two aren't of one training.
        """
        folder = Path(folder)
        if (folder / "weights.npz").is_file() and not (folder / WEIGHTS).is_file():
            raise InputError(
                f"{folder}: a pair in the format of an earlier version (weights.npz); expected "
                f"{WEIGHTS}; train it anew"
            )
        for name in (WEIGHTS, CARD):
            if not (folder / name).is_file():
                begun = (folder / "run.json").is_file()
                remedy = "; its training isn't complete: train --resume" if begun else ""
                raise InputError(
                    f"{folder}: no {name}; expected a trained pair: {WEIGHTS}, {CARD}{remedy}"
                )
        try:
            card = json.loads((folder / CARD).read_text("utf-8"))
            kinds = {"receiver": str, "policy": dict, "schema": dict, "fingerprints": dict}
            parts = [card.pop(key) for key in kinds]
            if not all(map(isinstance, parts, kinds.values())):
                raise TypeError
            receiver, letters, table, marks = parts
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{folder / CARD}: not the card of a pair") from None
        try:
            schema = Schema.from_dict(_without(table, rules or {}))
            schema = with_rules(schema, rules or {})
            policy = Policy.from_letters(receiver, letters, schema)
        except InputError as error:
            raise InputError(f"{folder / CARD}: {error}") from None
        weights, architecture, small = _read_weights(folder / WEIGHTS)
        lacks = {
            part: str(marks.get(part, ""))
            for part in HALVES
            if architecture.names(part)[0] not in weights
        }
        pair = cls(weights, architecture, receiver, policy, card, small, lacks)
        of_schema = Architecture.of(schema)
        for what in ("tokens", "separator", "attributes"):
            got, want = (getattr(a, what) for a in (architecture, of_schema))
            if got != want:
                raise InputError(
                    f"{folder / WEIGHTS}: {what}: {got}; the schema of card.json has {want}; "
                    "expected the files of one training"
                )
        # From the file's own values: a function given as a rule may have another name by now.
        form = _form(architecture, receiver, letters, table)
        if form != marks.get("form", form):  # cards of an earlier version have none
            raise InputError(
                f"{folder}: its architecture, receiver, policy or schema was changed; expected "
                "the files as the training wrote them"
            )
        for part in ("encoder", "decoder", "small"):
            if pair.fingerprints.get(part) != marks.get(part):
                raise InputError(
                    f"{folder / WEIGHTS}: its {part} belongs to another pair than card.json; "
                    "expected the files of one training"
                )
        return pair


def shipped_names() -> tuple[str, ...]:
    """The shipped pairs: first those of Table I's receivers, then blind ones."""
    names = (folder.parent.name for folder in PRETRAINED.glob(f"*/{CARD}"))
    order = ("family_member", "doctor", "caregiver", "researcher")
    rank = {name: at for at, name in enumerate(order)}
    return tuple(sorted(names, key=lambda n: ("." in n, rank.get(n.split(".")[0], 9), n)))


def load_pair(pair: str | Path, rules: Mapping[str, Callable[[str], str]] | None = None) -> Pair:
    """Load a shipped pair by its name, or a pair from a folder.

    Parameters
    ----------
    pair
        A name such as ``"researcher"`` or ``"researcher.blind"``, or a folder that a training
        wrote. If a folder has the name of a shipped pair, write ``./doctor`` for the folder.
    rules
        See `Pair.load`.

    Raises
    ------
    InputError
        If there is no such pair, or its files are broken.
    """
    return Pair.load(pair_folder(pair), rules)


def pair_folder(pair: str | Path) -> Path:
    """The folder of a pair, given by name or folder as for `load_pair`.

    Raises
    ------
    InputError
        If there is no such pair.
    """
    if str(pair) in shipped_names():
        return PRETRAINED / str(pair)
    try:
        found = Path(pair).is_dir()
    except (OSError, TypeError, ValueError):  # no name that a folder can have
        found = False
    if not found:
        raise InputError(
            f"{pair}: no such pair; expected a folder, or one that ships: "
            f"{', '.join(shipped_names()) or 'none'}"
        )
    return Path(pair)


def read_card(pair: str | Path) -> dict:
    """The card of a pair: what it was trained on, how, and its test results.

    Raises
    ------
    InputError
        If there is no such pair.
    """
    return json.loads((pair_folder(pair) / CARD).read_text("utf-8"))


def shipped_pairs() -> dict[str, Pair]:
    """All shipped pairs, which were trained independently: name -> pair."""
    return {name: load_pair(name) for name in shipped_names()}


def _read_weights(path: Path) -> tuple[dict[str, np.ndarray], Architecture, Small | None]:
    try:
        with safe_open(path, "numpy") as file:
            head = file.metadata() or {}
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: can't be read as a pair's weights: {reason}") from None
    if head.get("version") != str(WEIGHTS_VERSION):
        raise InputError(
            f"{path}: format version {head.get('version')}; expected {WEIGHTS_VERSION}"
        )
    try:
        built = {k: json.loads(v) for k, v in head.items() if k != "version"}
        if {k: type(v) for k, v in built.items()} != _TYPES:
            raise TypeError
        architecture = Architecture(**built)
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"{path}: its head doesn't say how the network is built") from None
    small = None
    with contextlib.suppress(KeyError):
        small = Small(*(arrays.pop(f"small/{field.name}") for field in fields(Small)))
    shapes = {name: array.shape for name, array in arrays.items()}
    whole = architecture.shapes()
    halves = ({name: whole[name] for name in architecture.names(part)} for part in HALVES)
    if shapes not in (whole, *halves) or (small and not small.fits(architecture.width)):
        raise InputError(f"{path}: arrays of other names or shapes than its head says")
    return arrays, architecture, small


def _as_text(table: dict) -> dict[str, str]:
    return {key: json.dumps(value) for key, value in table.items()}


def _without(schema: dict, rules: Mapping) -> dict:
    """A schema as plain values, without the rules that are given as functions."""
    attributes = schema.get("attributes")
    if not isinstance(attributes, dict):  # `Schema.from_dict` says so
        return schema
    attributes = {
        name: {k: v for k, v in part.items() if k != "generalise"}
        if name in rules and isinstance(part, dict)
        else part
        for name, part in attributes.items()
    }
    return schema | {"attributes": attributes}


def _form(
    architecture: Architecture, receiver: str, letters: Mapping[str, str], schema: Mapping
) -> str:
    """The fingerprint of everything that determines a pair's function, except its arrays."""
    order = list(schema["attributes"])  # their order in a line, which sorting the keys loses
    parts = [asdict(architecture), receiver, letters, schema, order]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _fingerprint(weights: Mapping[str, np.ndarray], names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(np.ascontiguousarray(weights[name]).data)
    return digest.hexdigest()[:16]

"""Lock and key: the encoder, the decoder, and the pair of them that belongs to a receiver.

The paper's figure 3: an LSTM reads the entry into a vector, another LSTM writes the view from it.
Both are plain Keras models of stock layers; the ``.keras`` files that `Pair.save` writes beside the
plain arrays open with Keras alone.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy.errors import InputError
from aalprivacy.inference import decode, encode, is_reversed
from aalprivacy.lstm import FastLSTM
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.quiet import keras
from aalprivacy.text import VOCABULARY, to_lines, to_tokens
from aalprivacy.views import apply_policy

UNITS = 256  # paper, section IV-D
EMBEDDING = 32
PAIR_FILES = ("weights.npz", "card.json")
WEIGHTS_VERSION = 1


def build_encoder(
    units: int = UNITS,
    embedding: int = EMBEDDING,
    reverse: bool = True,
    product_dtype: str | None = None,
) -> keras.Model:
    """Build the encoder: tokens, whole numbers ``(n, length)``, to codes, float32 ``(n, 2 units)``.

    Parameters
    ----------
    units, embedding
        Widths of the state and of a token's vector.
    reverse
        Read the line from its end to its start (Sutskever et al. 2014, arXiv:1409.3215), so that
        what was read last is what the decoder writes first.
    product_dtype
        Build it with the engine (`FastLSTM`) for training; ``None`` builds it of stock layers.
        The weights are the same either way.
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    line = keras.ops.flip(tokens, axis=1) if reverse else tokens
    vectors = keras.layers.Embedding(VOCABULARY, embedding, mask_zero=True, name="embedding")(line)
    if product_dtype is None:
        lstm = keras.layers.LSTM(units, return_state=True, name="lstm")
    else:
        lstm = FastLSTM(units, return_state=True, product_dtype=product_dtype, name="lstm")
    _, h, c = lstm(vectors)
    return keras.Model(tokens, keras.ops.concatenate([h, c], axis=-1), name="encoder")


def build_decoder(
    units: int = UNITS,
    embedding: int = EMBEDDING,
    code_at_every_step: bool = True,
    product_dtype: str | None = None,
) -> keras.Model:
    """Build the decoder: tokens written so far and code to the scores of each next token.

    It takes ``[tokens, code]``, whole numbers ``(n, length)`` beginning with `PAD`, and float32
    ``(n, 2 units)``; it gives float32 ``(n, length, VOCABULARY)``, unnormalised log probabilities.

    Parameters
    ----------
    code_at_every_step
        Feed the code to each step, as Cho et al. (2014, the paper's reference [8]) do; otherwise
        it is the initial state only.
    units, embedding, product_dtype
        As for `build_encoder`.
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    code = keras.Input((2 * units,), name="code")
    vectors = keras.layers.Embedding(VOCABULARY, embedding, name="embedding")(tokens)
    state = [code[:, :units], code[:, units:]]
    if product_dtype is None:
        if code_at_every_step:
            at_each_step = code[:, None, :] + keras.ops.zeros_like(vectors[:, :, :1])
            vectors = keras.ops.concatenate([vectors, at_each_step], axis=-1)
        outputs = keras.layers.LSTM(units, return_sequences=True, name="lstm")(
            vectors, initial_state=state
        )
    else:
        lstm = FastLSTM(units, return_sequences=True, product_dtype=product_dtype, name="lstm")
        context = {"context": code} if code_at_every_step else {}
        outputs = lstm(vectors, initial_state=state, **context)
    scores = keras.layers.Dense(VOCABULARY, name="scores")(outputs)
    return keras.Model([tokens, code], scores, name="decoder")


@dataclass
class Pair:
    """An encoder and the decoder trained with it.

    Parameters
    ----------
    encoder, decoder
        Models as `build_encoder` and `build_decoder` make them.
    card
        What is known of the pair: receiver, policy, recipe, test figures, versions.
    """

    encoder: keras.Model
    decoder: keras.Model
    card: dict = field(default_factory=dict)

    @property
    def receiver(self) -> str | None:
        return self.card.get("receiver")

    @property
    def policy(self) -> Policy:
        """What the pair was trained to make of an entry, from its card; else Table I."""
        letters = self.card.get("policy")
        if letters is None:
            return TABLE_I
        return Policy({self.receiver: {name: Operation(f) for name, f in letters.items()}})

    @property
    def is_blind(self) -> bool:
        """Whether the encoder reads the view and never the entry (`Recipe.blind`)."""
        return bool(self.card.get("recipe", {}).get("blind"))

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint, which its codes carry."""
        return fingerprint(self.encoder)

    def encode(self, tokens: np.ndarray, **options) -> np.ndarray:
        """Tokens ``(n, length)`` to codes, float32 ``(n, 2 units)``; `aalprivacy.inference`."""
        return encode(self.encoder, tokens, **options)

    def encode_entries(self, entries: pd.DataFrame, **options) -> np.ndarray:
        """Codes of a table of entries, float32 ``(n, 2 units)``; a blind pair's, of their view.

        Raises
        ------
        InputError
            If a value can't stand in a line or, in a blind pair, can't be generalised.
        """
        if self.is_blind:
            entries = apply_policy(entries, self.policy, self.receiver)
        return self.encode(to_tokens(to_lines(entries)), **options)

    def decode(self, codes: np.ndarray, **options) -> np.ndarray:
        """Codes to tokens; see `aalprivacy.inference.decode`."""
        return decode(self.decoder, codes, **options)

    def rekeyed(self, seed: int) -> "Pair":
        """A pair of the same function whose codes are permuted and of other signs.

        A unit's place means nothing, and the sign of its state is undone by the sign of all that
        reads it; so every pair has ``units! * 2**units`` twins. The card loses nothing but gains
        ``rekeyed``: how often that was done.

        Parameters
        ----------
        seed
            Of the permutation and the signs.
        """
        rng = np.random.default_rng(seed)
        units = self.decoder.get_layer("lstm").units
        order, sign = rng.permutation(units), rng.choice(np.float32([-1, 1]), units)
        # h and c of a unit move and turn together. Of its gates only the candidate turns.
        gates = np.concatenate([gate * units + order for gate in range(4)])
        turns = np.concatenate([np.ones(2 * units), sign, np.ones(units)]).astype(np.float32)
        arrays = self.weights()
        width = arrays["encoder/embedding/embeddings"].shape[1]

        def rows(kernel: np.ndarray) -> np.ndarray:
            return kernel[order] * sign[:, None]

        for part in ("encoder", "decoder"):
            for name in ("kernel", "recurrent_kernel", "bias"):
                key = f"{part}/lstm/{name}"
                arrays[key] = arrays[key][..., gates] * turns
            arrays[f"{part}/lstm/recurrent_kernel"] = rows(arrays[f"{part}/lstm/recurrent_kernel"])
        kernel = arrays["decoder/lstm/kernel"]
        of_code = (
            [rows(half) for half in np.split(kernel[width:], 2)] if len(kernel) > width else []
        )
        arrays["decoder/lstm/kernel"] = np.concatenate([kernel[:width], *of_code])
        arrays["decoder/scores/kernel"] = rows(arrays["decoder/scores/kernel"])
        pair = self.with_weights(arrays)
        pair.card["rekeyed"] = self.card.get("rekeyed", 0) + 1
        return pair

    def weights(self) -> dict[str, np.ndarray]:
        """All weights as plain arrays, by names such as ``decoder/lstm/recurrent_kernel``."""
        return {
            f"{model.name}/{layer.name}/{weight.name}": np.asarray(weight)
            for model in (self.encoder, self.decoder)
            for layer in model.layers
            for weight in layer.weights
        }

    def with_weights(self, changed: dict[str, np.ndarray]) -> "Pair":
        """A pair of the same form and card with some other arrays, named as `weights` does."""
        models = _from_arrays(self.weights() | changed, is_reversed(self.encoder))
        return Pair(*models, dict(self.card))

    def save(self, folder: str | Path) -> None:
        """Write a pair: ``weights.npz``, ``card.json``, and both models for use with Keras alone.

        The plain arrays are what `load` reads, so that a pair outlives Keras' file format.

        Raises
        ------
        InputError
            If it can't be written.
        """
        folder = Path(folder)
        about = json.dumps({"version": WEIGHTS_VERSION, "reverse": is_reversed(self.encoder)})
        card = json.dumps(self.card | {"fingerprints": self._fingerprints()}, indent=2)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".pair-", dir=folder))
            try:
                np.savez(draft / "weights.npz", about=about, **self.weights())
                self.encoder.save(draft / "encoder.keras")
                self.decoder.save(draft / "decoder.keras")
                (draft / "card.json").write_text(card + "\n", "utf-8")
                for path in draft.iterdir():
                    path.replace(folder / path.name)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise InputError(f"{folder}: can't write the pair: {error.strerror}") from None

    @classmethod
    def load(cls, folder: str | Path) -> "Pair":
        """Read a folder that `save` wrote.

        Raises
        ------
        InputError
            If a file is missing or broken, or the encoder or decoder isn't the card's own.
        """
        folder = Path(folder)
        for name in PAIR_FILES:
            if not (folder / name).is_file():
                raise InputError(
                    f"{folder}: no {name}; expected a trained pair: {', '.join(PAIR_FILES)}"
                )
        try:
            card = json.loads((folder / "card.json").read_text("utf-8"))
            marks = card["fingerprints"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{folder / 'card.json'}: not the card of a pair") from None
        path = folder / "weights.npz"
        try:
            with np.load(path) as file:
                arrays = dict(file)
            about = json.loads(str(arrays.pop("about")))
            if about["version"] != WEIGHTS_VERSION:
                raise ValueError(f"format version {about['version']}; expected {WEIGHTS_VERSION}")
            pair = cls(*_from_arrays(arrays, about["reverse"]), card)
        except Exception as error:  # an archive's reader raises whatever it does
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(f"{path}: can't be read as a pair's weights: {reason}") from None
        for part, mark in pair._fingerprints().items():
            if mark != marks.get(part):
                raise InputError(
                    f"{path}: its {part} belongs to another pair than card.json; "
                    "expected the files of one training"
                )
        return pair

    def _fingerprints(self) -> dict[str, str]:
        return {"encoder": fingerprint(self.encoder), "decoder": fingerprint(self.decoder)}


def _from_arrays(arrays: dict[str, np.ndarray], reverse: bool) -> tuple[keras.Model, keras.Model]:
    embedding = arrays["encoder/embedding/embeddings"].shape[1]
    units = arrays["encoder/lstm/recurrent_kernel"].shape[0]
    every_step = arrays["decoder/lstm/kernel"].shape[0] > embedding
    models = build_encoder(units, embedding, reverse), build_decoder(units, embedding, every_step)
    for model in models:
        for layer in model.layers:
            names = [f"{model.name}/{layer.name}/{weight.name}" for weight in layer.weights]
            layer.set_weights([arrays[name] for name in names])
    return models


def fingerprint(model: keras.Model) -> str:
    """SHA-256 of a model's weights, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    return digest.hexdigest()[:16]

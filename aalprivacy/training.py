"""How a pair learns: curriculum, augmentation, updates, checkpoints.

From whole entries alone, from scratch, a pair learns the language of the entries and not to use
the code. So it begins with windows of a few neighbouring attributes and gets one more whenever it
has mastered what it sees (Bengio et al. 2009, Curriculum learning, ICML).
"""

import contextlib
import csv
import json
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import files
from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.examples import Examples
from aalprivacy.initial import copy, start
from aalprivacy.model import Pair, build_decoder, build_encoder
from aalprivacy.quiet import keras, no_stderr, tf
from aalprivacy.recipe import PRODUCT_DTYPES, Recipe
from aalprivacy.text import PAD, character_errors, from_tokens, to_lines, to_tokens
from aalprivacy.workers import Workers

N = len(NAMES)
# One shard a core; more than a few leave a small batch too little for each.
SHARDS = min(8, os.cpu_count() or 1)


@dataclass
class Progress:
    """What a training remembers between updates, beside the weights.

    `stages` lists attributes per window, update and seconds at which each was begun; `lengthened`
    the update at which the recipe's number of updates was changed, and the number before.
    """

    update: int = 0
    window: int = 2
    loss: float = 3.0
    entries: int = 0
    seconds: float = 0.0
    character_error: float | None = None
    stages: list = field(default_factory=list)
    lengthened: list = field(default_factory=list)

    @property
    def whole_since(self) -> int:
        """The update at which whole entries began; 0 if they haven't, or from the start."""
        return next((update for window, update, _ in self.stages if window == N), 0)


class Trainer:
    """One training: its models, its optimiser, its place on the way.

    Parameters
    ----------
    recipe
        See `Recipe`.
    workers
        Who trains; this process alone by default.
    pair
        Start with these weights, re-keyed by the recipe's seed, instead of new ones. A new receiver
        is so had in minutes; but the new pair is a relative of the old one, and whoever holds that
        one opens the other more easily (`aalprivacy.audit.Statistics`).

    Raises
    ------
    InputError
        If `pair` is of another form than the recipe.
    """

    def __init__(
        self, recipe: Recipe, workers: Workers | None = None, pair: Pair | None = None
    ) -> None:
        keras.utils.set_random_seed(recipe.seed)
        size = {"units": recipe.units, "embedding": recipe.embedding}
        size["product_dtype"] = recipe.product_dtype if recipe.engine else None
        self.recipe = recipe
        self.workers = workers or Workers()
        self.encoder = build_encoder(**size, reverse=recipe.reverse)
        self.decoder = build_decoder(**size, code_at_every_step=recipe.code_at_every_step)
        if pair:
            copy(pair.rekeyed(recipe.seed), self.encoder, self.decoder)
        else:
            start(self.encoder, recipe)
            start(self.decoder, recipe)
        self.variables = self.encoder.trainable_variables + self.decoder.trainable_variables
        self.optimizer = keras.optimizers.Adam(
            recipe.learning_rate,
            global_clipnorm=1.0,
            use_ema=True,
            ema_momentum=recipe.averaging,
        )
        self.optimizer.build(self.variables)
        self.progress = Progress(window=recipe.first_window)
        self._begun = False

    def step(self, x: np.ndarray, y: np.ndarray, replaced: np.ndarray) -> float:
        """One update; the loss in nats a character, randomised characters left out."""
        at = self.progress
        self.optimizer.learning_rate = self.recipe.rate(at.update, at.window, at.whole_since)
        start = np.pad(y[:, :-1], ((0, 0), (1, 0)), constant_values=PAD)
        # TensorFlow says at the first update, on some processors, what it can't do faster.
        quietly = contextlib.nullcontext() if self._begun else no_stderr()
        self._begun = True
        with self.workers.watched(), quietly:
            return float(self._update(*map(self.workers.rows, (x, start, y, replaced))))

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], d) for d in (tf.int32,) * 3 + (tf.bool,)]
    )
    def _update(self, x, start, y, replaced):
        with tf.GradientTape() as tape:
            losses, weights = [], []
            for xs, ss, ys in shards(x, start, y):
                scores = self.decoder([ss, self.encoder(xs, training=True)], training=True)
                losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(ys, scores))
                weights.append(tf.cast(ys != PAD, tf.float32))
            loss, weight = tf.concat(losses, 0), tf.concat(weights, 0)
            total = tf.reduce_sum(loss * weight)
        gradients = map(tf.convert_to_tensor, tape.gradient(total, self.variables))
        own = weight * tf.cast(~replaced, tf.float32)
        sums = [tf.reduce_sum(t) for t in (weight, loss * own, own)]
        characters, own_loss, own_characters, *gradients = self.workers.total([*sums, *gradients])
        self.optimizer.apply([g / characters for g in gradients], self.variables)
        return own_loss / own_characters

    def pair(self) -> Pair:
        """The pair as it stands: stock layers, averaged weights."""
        r = self.recipe
        pair = Pair(
            build_encoder(r.units, r.embedding, r.reverse),
            build_decoder(r.units, r.embedding, r.code_at_every_step),
        )
        weights = pair.encoder.trainable_variables + pair.decoder.trainable_variables
        if int(self.optimizer.iterations):
            self.optimizer.finalize_variable_values(weights)
        else:
            for weight, trained in zip(weights, self.variables, strict=True):
                weight.assign(trained)
        return pair

    def lengthen(self, updates: int) -> None:
        """Go on to another number of updates; the learning rate follows the new number.

        Raises
        ------
        InputError
            If the training is past it.
        """
        if updates < self.progress.update:
            raise InputError(
                f"updates: the training is at {self.progress.update}; expected at least that, "
                f"got {updates}"
            )
        if updates != self.recipe.updates:
            self.progress.lengthened.append([self.progress.update, self.recipe.updates])
            self.recipe = replace(self.recipe, updates=updates)

    def save(self, path: Path) -> None:
        """Write a checkpoint from which training goes on exactly as if never interrupted."""
        state = {f"{i}": v for i, v in enumerate(self._state())}
        draft = path.with_suffix(".tmp")
        try:
            with draft.open("wb") as file:
                np.savez(file, about=self._about(), **state)
            draft.replace(path)
        except OSError as error:
            raise InputError(f"{path}: can't write the checkpoint: {error.strerror}") from None
        finally:
            draft.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path, workers: Workers | None = None) -> "Trainer":
        """Read a checkpoint.

        Raises
        ------
        InputError
            If there is none, or it isn't one.
        """
        try:
            with np.load(path) as state:
                trainer = cls._from_about(str(state["about"]), workers)
                trainer._set_state([state[f"{i}"] for i in range(len(state) - 1)])
        except FileNotFoundError:
            raise InputError(f"{path}: no checkpoint to go on from") from None
        except Exception as error:  # a broken archive raises whatever its reader does
            raise InputError(f"{path}: not a whole checkpoint: {error}") from None
        return trainer

    @classmethod
    def join(cls, workers: Workers, chiefs: "Trainer | None") -> "Trainer":
        """Start all workers from the chief's trainer, which the others need not have."""
        about = workers.text_from_chief(chiefs._about() if chiefs else "")
        trainer = chiefs or cls._from_about(about, workers)
        trainer._set_state(workers.from_chief(trainer._state()))
        return trainer

    def _about(self) -> str:
        return json.dumps({"recipe": asdict(self.recipe), "progress": asdict(self.progress)})

    @classmethod
    def _from_about(cls, about: str, workers: Workers | None) -> "Trainer":
        about = json.loads(about)
        recipe = about["recipe"]
        recipe["augmentation"] = tuple(recipe["augmentation"])
        trainer = cls(Recipe(**recipe), workers)
        trainer.progress = Progress(**about["progress"])
        return trainer

    def _state(self) -> list[np.ndarray]:
        return [np.asarray(v) for v in (*self.variables, *self.optimizer.variables)]

    def _set_state(self, state: list[np.ndarray]) -> None:
        variables = (*self.variables, *self.optimizer.variables)
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)


def shards(*tensors: tf.Tensor) -> Iterator[tuple]:
    """The parts of a batch, one a core.

    Each runs through its steps on one thread, so that the short steps of a recurrent network never
    wait for each other.
    """
    n = tf.shape(tensors[0])[0]
    sizes = [n // SHARDS] * (SHARDS - 1) + [n - (SHARDS - 1) * (n // SHARDS)]
    return zip(*(tf.split(tensor, sizes) for tensor in tensors), strict=True)


def one_thread_a_shard() -> None:
    """Set TensorFlow's threads for `Trainer`; without effect once TensorFlow has computed."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(SHARDS)


def faster_product_dtype() -> str:
    """The type in which this machine takes a step's products faster; measured, in milliseconds.

    Processors without instructions for bfloat16 imitate them, slower than float32.
    """
    seconds = {}
    for dtype in PRODUCT_DTYPES:
        a, b = (tf.ones(shape, dtype) for shape in ((64, 288), (288, 1024)))
        rounds = []
        for _ in range(20):
            began = time.perf_counter()
            tf.matmul(a, b).numpy()
            rounds.append(time.perf_counter() - began)
        seconds[dtype] = min(rounds)
    return min(seconds, key=seconds.get)


@dataclass
class Validation:
    """A fixed sample of users that the training never sees, decoded now and then.

    Parameters
    ----------
    entries, views
        Tables of the same rows.
    """

    entries: pd.DataFrame
    views: pd.DataFrame

    def __post_init__(self) -> None:
        self.tokens = to_tokens(to_lines(self.entries))
        self.expected = to_lines(self.views)

    def character_error(self, pair: Pair) -> float:
        """Mean Levenshtein distance an entry."""
        lines = from_tokens(pair.decode(pair.encode(self.tokens)))
        return float(character_errors(lines, self.expected).mean())


def fit(
    trainer: Trainer,
    examples: Examples,
    validation: Validation,
    folder: Path,
    *,
    report: Callable[[Progress, float], None] = lambda progress, speed: None,
    validate_every: int = 1000,
    checkpoint_every: int = 1000,
    report_every: int = 20,
    seconds: float | None = None,
    target: float | None = None,
) -> bool:
    """Train to the recipe's last update, to a character error, or until Ctrl-C.

    Parameters
    ----------
    trainer, examples, validation
        What to train, on what, and what to measure it on.
    folder
        Gets ``checkpoint.npz`` and ``log.csv``.
    report
        Called every `report_every` updates with the progress and the entries a second.
    validate_every, checkpoint_every, report_every
        In updates.
    seconds
        Be done after so much time of training, at whatever update.
    target
        Be done once the validation's character error is at most this.

    Returns
    -------
    Whether the training is complete. Ctrl-C waits for the update that is being made, which the
    checkpoint then holds; at a second one nothing more is written.
    """
    recipe, progress, chief = trainer.recipe, trainer.progress, trainer.workers.is_chief
    checkpoint, log_file = folder / "checkpoint.npz", folder / "log.csv"
    if chief:
        _forget_after(log_file, progress.update)
    began, before = time.perf_counter(), progress.seconds
    since, entries = began, 0
    # Over about 100 updates at 32 examples; a stage is passed on its average, not on its luck.
    memory = 0.99

    def reached() -> bool:
        error = progress.character_error
        return target is not None and error is not None and error <= target

    def over() -> bool:
        return seconds is not None and progress.seconds >= seconds

    with _interruptible() as interrupted, _lost_worker_saves(trainer, checkpoint):
        while progress.update < recipe.updates and not (reached() or over() or interrupted):
            x, y, replaced, window = examples.batch(progress.update, progress.window)
            loss = trainer.step(x, y, replaced)
            progress.update += 1
            progress.entries += len(x)
            entries += len(x)
            if window == progress.window:
                progress.loss = memory * progress.loss + (1 - memory) * loss
            progress.seconds = before + time.perf_counter() - began
            if progress.loss < recipe.threshold and progress.window < N:
                progress.window += 1
                progress.stages.append([progress.window, progress.update, progress.seconds])
                progress.loss = max(progress.loss, recipe.threshold) + 0.1
            if not chief:
                continue
            due = progress.update % validate_every == 0 or progress.update == recipe.updates
            if due or over():
                progress.character_error = validation.character_error(trainer.pair())
                _log_line(log_file, progress)
            if progress.update % checkpoint_every == 0:
                trainer.save(checkpoint)
            if progress.update % report_every == 0:
                now = time.perf_counter()
                report(progress, entries / (now - since))
                since, entries = now, 0
    complete = progress.update >= recipe.updates or reached() or over()
    if chief:
        if complete and not log_file.exists():
            progress.character_error = validation.character_error(trainer.pair())
            _log_line(log_file, progress)
        trainer.save(checkpoint)
    return complete


@contextlib.contextmanager
def _interruptible() -> Iterator[list]:
    """Ctrl-C fills the list, so that the update at hand is made whole; a second one interrupts."""
    asked: list[bool] = []

    def ask(*_) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals are the main thread's
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _lost_worker_saves(trainer: Trainer, checkpoint: Path) -> Iterator[None]:
    """When another worker is lost, write the checkpoint and say how to go on."""
    try:
        yield
    except WorkerLost as lost:
        saved = "the chief's checkpoint"
        if trainer.workers.is_chief:
            trainer.save(checkpoint)
            saved = f"{checkpoint}, written just now"
        raise WorkerLost(
            f"{lost}, at update {trainer.progress.update}; go on from {saved}: start all of them "
            "again with --resume"
        ) from None


def _forget_after(log_file: Path, update: int) -> None:
    """Drop a log's lines of updates after the checkpoint; they are made again."""
    if not log_file.exists():
        return
    head, *lines = log_file.read_text("utf-8").splitlines(keepends=True) or [""]
    whole = (line for line in lines if line.endswith("\n"))  # a kill may have cut the last one
    kept = [line for line in whole if int(line.split(",")[0]) <= update]
    if kept:
        files.write_text("".join([head, *kept]), log_file)
    else:
        log_file.unlink()


def _log_line(path: Path, progress: Progress) -> None:
    row = {k: v for k, v in asdict(progress).items() if not isinstance(v, list)}
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


def machine() -> dict:
    """What a card says of the machine and the versions."""
    import importlib.metadata as meta

    packages = ("keras", "numpy", "pandas", "aalprivacy")
    return {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__}
        | {p: meta.version(p) for p in packages},
    }

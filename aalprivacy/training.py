"""How a pair learns: curriculum, updates, checkpoints.

A pair that begins with whole entries learns what entries look like, but doesn't learn to use the
code. So a training begins with windows of a few neighbouring attributes. When the loss is low
enough, windows get one attribute longer (Bengio et al. 2009, Curriculum learning, ICML).
"""

import contextlib
import csv
import inspect
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy.architecture import Architecture
from aalprivacy.atomic import write_text, write_whole
from aalprivacy.curriculum import Progress
from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.examples import Batch, Examples
from aalprivacy.initial import start
from aalprivacy.model import build_decoder, build_encoder, set_arrays
from aalprivacy.pair import Pair
from aalprivacy.policy import Policy
from aalprivacy.quiet import keras, tf
from aalprivacy.recipe import CLIP, FIRST_MOMENT, Recipe
from aalprivacy.text import character_errors, view_lines
from aalprivacy.updates import Updates
from aalprivacy.views import apply_policy
from aalprivacy.workers import Workers


class Trainer:
    """One training: its models, its optimiser and its progress.

    Parameters
    ----------
    recipe
        See `aalprivacy.recipe.Recipe`.
    policy, receiver
        The pair's policy and receiver.
    workers
        The processes that train; by default this one alone.
    pair
        A pair to start from, instead of new first weights. It is re-keyed with the recipe's seed.
        With this a pair for a new receiver takes minutes. But the new pair is close to the old one:
        an attacker who has the old pair reads the new codes more easily
        (`aalprivacy.audit.Statistics`).

    Raises
    ------
    InputError
        If `pair` has other sizes than the recipe and the schema require, or Keras is set to another
        type of numbers than float32.
    """

    def __init__(
        self,
        recipe: Recipe,
        policy: Policy,
        receiver: str,
        workers: Workers | None = None,
        pair: Pair | None = None,
    ) -> None:
        if keras.config.floatx() != "float32":
            raise InputError(
                f"keras.config.floatx() is {keras.config.floatx()!r}; training needs 'float32'"
            )
        keras.utils.set_random_seed(recipe.seed)
        self.recipe, self.policy, self.receiver = recipe, policy, policy.receiver(receiver)
        self.architecture = Architecture.of_recipe(policy.schema, recipe)
        product_dtype = recipe.product_dtype if recipe.engine else None
        self.encoder = build_encoder(self.architecture, product_dtype, windows=True)
        self.decoder = build_decoder(self.architecture, product_dtype, windows=True)
        if pair is None:
            for model in (self.encoder, self.decoder):
                start(model, recipe, policy.schema.longest)
        elif pair.architecture.shapes() != self.architecture.shapes() or (
            pair.architecture.reverse != recipe.reverse
        ):
            raise InputError(
                "the pair to start from isn't built as the recipe and the schema say; "
                "expected the same alphabet and sizes"
            )
        else:
            set_arrays((self.encoder, self.decoder), pair.rekeyed(recipe.seed).weights)
        named = [
            (f"{model.name}/{layer.name}/{weight.name}", weight)
            for model in (self.encoder, self.decoder)
            for layer in model.layers
            for weight in layer.weights
        ]
        self.names, self.variables = map(list, zip(*named, strict=True))
        self.optimizer = keras.optimizers.Adam(
            recipe.learning_rate,
            beta_1=FIRST_MOMENT,
            beta_2=recipe.second_moment,
            global_clipnorm=CLIP,
            use_ema=True,
            ema_momentum=recipe.averaging,
        )
        self.optimizer.build(self.variables)
        self.workers = workers or Workers()
        inputs = (
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, self.architecture.width], tf.float32),
        )
        self.updates = Updates(self._write, self.variables, self.optimizer, inputs, self.workers)
        self.progress = Progress(window=min(recipe.first_window, len(policy.schema)))

    def _write(self, inputs, before):
        """Scores of each token of the views, given the tokens before."""
        entries, first, noise = inputs
        code = self.encoder([entries, first], training=True) + noise
        return self.decoder([before, code, first], training=True)

    @property
    def attributes(self) -> int:
        """How many attributes a whole entry has."""
        return len(self.policy.schema)

    def step(self, batch: Batch) -> float:
        """Make one update; returns the loss in nats a character, without randomised characters."""
        at = self.progress
        since = at.whole_since(self.attributes)
        rate = self.recipe.rate(at.update, at.window, self.attributes, since)
        self.optimizer.learning_rate = rate
        # Noise grows as the rate falls; from the start it would slow the learning. Its seed depends
        # on the update, so that a resumed training continues exactly.
        size = self.recipe.noise_at(rate)
        rng = np.random.default_rng([self.recipe.seed, 5, at.update])
        noise = rng.standard_normal((len(batch.entries), self.architecture.width), np.float32)
        inputs = (batch.entries, batch.first, np.float32(size) * noise)
        return self.updates.make(inputs, batch.views, ~batch.replaced)

    def pair(self) -> Pair:
        """The pair at this point of the training, with averaged weights."""
        weights = self.variables
        if int(self.optimizer.iterations):
            weights = [keras.Variable(variable) for variable in self.variables]
            self.optimizer.finalize_variable_values(weights)
        arrays = {n: np.array(w, np.float32) for n, w in zip(self.names, weights, strict=True)}
        rules = {self.receiver: self.policy.for_receiver(self.receiver)}
        policy = Policy(rules, self.policy.schema)  # without other receivers
        return Pair(arrays, self.architecture, self.receiver, policy)

    def lengthen(self, updates: int) -> None:
        """Change the number of updates in all; the learning rate follows the new number.

        Raises
        ------
        InputError
            If the training has made more updates already.
        """
        if updates < self.progress.update:
            raise InputError(
                f"updates: the training is at {self.progress.update}; expected at least that, "
                f"got {updates}"
            )
        self.recipe = self.progress.changed(self.recipe, updates=updates)

    def save(self, path: Path) -> None:
        """Write a checkpoint, from which a training continues as if it was never interrupted."""
        state = {f"{i}": v for i, v in enumerate(self._state())}

        def write(draft: Path) -> None:
            with draft.open("wb") as file:
                np.savez(file, about=self._about(), **state)

        write_whole(path, write)

    @classmethod
    def load(
        cls,
        path: Path,
        policy: Policy,
        receiver: str,
        workers: Workers | None = None,
        product_dtype: str | None = None,
    ) -> "Trainer":
        """Read a checkpoint of a training for this receiver.

        Parameters
        ----------
        path
            The checkpoint.
        policy, receiver, workers
            The training's.
        product_dtype
            The type of the products from here on; by default as before. Another one changes the
            results by its rounding.

        Raises
        ------
        InputError
            If there is no such file, or it isn't a checkpoint.
        """
        try:
            with np.load(path) as state:
                trainer = cls._from_about(
                    str(state["about"]), policy, receiver, workers, product_dtype
                )
                trainer._set_state([state[f"{i}"] for i in range(len(state) - 1)])
        except FileNotFoundError:
            raise InputError(f"{path}: no checkpoint to go on from") from None
        except Exception as error:  # NumPy's reader may raise any error on a broken archive
            raise InputError(f"{path}: not a whole checkpoint: {error}") from None
        return trainer

    @classmethod
    def join(
        cls, workers: Workers, chiefs: "Trainer | None", policy: Policy, receiver: str
    ) -> "Trainer":
        """Give all workers the state of the chief's trainer; the others pass ``None``."""
        about = workers.text_from_chief(chiefs._about() if chiefs else "")
        trainer = chiefs or cls._from_about(about, policy, receiver, workers)
        trainer._set_state(workers.from_chief(trainer._state()))
        return trainer

    def _about(self) -> str:
        return json.dumps({"recipe": asdict(self.recipe), "progress": asdict(self.progress)})

    @classmethod
    def _from_about(
        cls, about: str, policy, receiver, workers: Workers | None, product_dtype: str | None = None
    ) -> "Trainer":
        about = json.loads(about)
        recipe, progress = Recipe(**about["recipe"]), Progress(**about["progress"])
        if product_dtype is not None:
            recipe = progress.changed(recipe, product_dtype=product_dtype)
        trainer = cls(recipe, policy, receiver, workers)
        trainer.progress = progress
        return trainer

    def _state(self) -> list[np.ndarray]:
        return [np.asarray(v) for v in (*self.variables, *self.optimizer.variables)]

    def _set_state(self, state: list[np.ndarray]) -> None:
        variables = (*self.variables, *self.optimizer.variables)
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)


class Validation:
    """A fixed sample of people that aren't trained on, decoded from time to time.

    Parameters
    ----------
    entries
        Of the policy's schema.
    policy, receiver
        They define the expected views.
    """

    def __init__(self, entries: pd.DataFrame, policy: Policy, receiver: str) -> None:
        self.entries = entries
        self.expected = view_lines(apply_policy(entries, policy, receiver), policy.schema)

    def character_error(self, pair: Pair) -> float:
        """The pair's character error on the sample."""
        lines = pair.decode(pair.encode_entries(self.entries))
        return float(character_errors(lines, self.expected).mean())


def check_options(**options) -> None:
    """Refuse options that `fit` doesn't have, or that are out of their range.

    Raises
    ------
    InputError
        If there is one.
    """
    known = [
        name
        for name, parameter in inspect.signature(fit).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for name, value in options.items():
        if name not in known:
            raise InputError(f"{name}: no such option; expected some of {', '.join(known)}")
        if name.endswith("_every") and value < 1:
            raise InputError(f"{name}: expected 1 or more, got {value}")


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
        The training, its examples, and the sample for validation.
    folder
        Gets ``checkpoint.npz`` and ``log.csv``.
    report
        Called every `report_every` updates with the progress and the entries a second.
    validate_every, checkpoint_every, report_every
        In updates.
    seconds
        End after this time of training.
    target
        End as soon as the validation's character error is at most this.

    Raises
    ------
    InputError
        If an option is out of its range, or `seconds` or `target` is given with several workers.

    Returns
    -------
    Whether the training is complete. After Ctrl-C the current update is finished and a checkpoint
    is written. After a second Ctrl-C nothing more is written.
    """
    check_options(
        validate_every=validate_every, checkpoint_every=checkpoint_every, report_every=report_every
    )
    if trainer.workers.count > 1 and not (seconds is None and target is None):
        raise InputError("seconds, target: only one machine can stop early; expected none")
    recipe, progress, chief = trainer.recipe, trainer.progress, trainer.workers.is_chief
    checkpoint, log_file = folder / "checkpoint.npz", folder / "log.csv"
    if chief:
        forget_after(log_file, progress.update)
    began, before = time.perf_counter(), progress.seconds
    since, entries = began, 0

    def reached() -> bool:
        error = progress.character_error
        return target is not None and error is not None and error <= target

    def over() -> bool:
        return seconds is not None and progress.seconds >= seconds

    with _interruptible() as interrupted, _lost_worker_saves(trainer, checkpoint):
        while progress.update < recipe.updates and not (reached() or over() or interrupted):
            batch = examples.batch(progress.update, progress.window)
            loss = trainer.step(batch)
            if not np.isfinite(loss):
                raise InputError(
                    f"the loss isn't a number any more at update {progress.update}; expected a "
                    "lower learning rate; the checkpoint is of an earlier update"
                )
            now = time.perf_counter()
            progress.count(
                len(batch.entries), batch.window, loss, before + now - began, recipe,
                trainer.attributes,
            )  # fmt: skip
            entries += len(batch.entries)
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
    """Ctrl-C only fills the list, so that the current update is finished; a second one stops."""
    asked: list[bool] = []

    def ask(*_) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread can handle signals
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _lost_worker_saves(trainer: Trainer, checkpoint: Path) -> Iterator[None]:
    """When another worker is lost, write the checkpoint and say how to continue."""
    try:
        yield
    except WorkerLost as lost:
        saved = "the chief's checkpoint"
        if trainer.workers.is_chief:
            trainer.save(checkpoint)
            saved = f"{checkpoint}, written just now"
        raise WorkerLost(
            f"{lost}, at update {trainer.progress.update}; continue from {saved}: start all of "
            "them again with --resume"
        ) from None


def forget_after(log_file: Path, update: int) -> None:
    """Remove the log's lines after the checkpoint, as these updates are made again."""
    if not log_file.exists():
        return
    try:
        head, *lines = log_file.read_text("utf-8").splitlines(keepends=True) or [""]
        whole = (line for line in lines if line.endswith("\n"))  # a kill may have cut the last one
        kept = [line for line in whole if int(line.split(",")[0]) <= update]
    except (OSError, ValueError):
        raise InputError(f"{log_file}: damaged; expected the log of this training") from None
    if kept:
        write_text("".join([head, *kept]), log_file)
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

"""Training speed: the engine against stock Keras and PyTorch, on the same batches, in turn.

Whole steps with clipping and Adam on batches of simulated entries; `contest` explains the timing.

Usage: ``python benchmarks/training.py [--rounds 7] [--out table.md]``. PyTorch takes part if it is
installed: ``pip install torch==2.13.0`` (on Linux from the index of CPU builds).
"""

import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
from contest import Worker, compete, serve, spread, table, timed, verdict

RECEIVER = "family_member"  # the longest views
# Batch size and attributes a window -> batches a turn.
SETTINGS = {
    (32, 2): 40, (32, 6): 20, (128, 6): 8, (32, 20): 8, (64, 20): 6, (128, 20): 4, (512, 20): 1,
}  # fmt: skip
ENGINE = ("engine, float32", "engine, bfloat16")
LOOP = "stock layers in the engine's place"
NO_SHARDS = "engine without shards"
NO_CONTEXT = "engine without the context"
LAYER = "FastLSTM, fit"
MIRRORED = "FastLSTM, fit, MirroredStrategy over two devices"
STOCK = "keras.layers.LSTM, fit"
TORCH = ("torch.nn.LSTM, float32", "torch.nn.LSTM, bfloat16 autocast")
DRAW = "drawing the batches alone, of 800,000 entries"
# What the faster engine, and the layer alone, are compared with.
RIVALS = {
    "engine over stock Keras": (ENGINE, (STOCK,)),
    "engine over the faster PyTorch": (ENGINE, TORCH),
    "what the layer brings: over " + LOOP: (ENGINE[:1], (LOOP,)),
    "what shards bring: over the " + NO_SHARDS: (ENGINE[:1], (NO_SHARDS,)),
    "what the context brings: over the " + NO_CONTEXT: (ENGINE[:1], (NO_CONTEXT,)),
    "what the loop brings: over MirroredStrategy and fit": (ENGINE[:1], (MIRRORED,)),
    "what bfloat16 brings": (ENGINE[1:], ENGINE[:1]),
    "the layer alone in fit, over stock Keras": ((LAYER,), (STOCK,)),
}
WHOLE = 20  # attributes of an entry
BARS = {
    "engine over stock Keras": {(32, WHOLE): 2.5, (128, WHOLE): 2.5, (512, WHOLE): 2.0},
    "engine over the faster PyTorch": dict.fromkeys(SETTINGS, 1.3),
    "the layer alone in fit, over stock Keras": {(32, WHOLE): 1.5, (128, WHOLE): 1.5},
    "share of the bfloat16 peak": {(64, WHOLE): 0.65},
}
MOST_TO_DRAW = 0.03  # of a step's time


def examples(size: int, users: int, entries_per_user: int):
    from aalprivacy import TABLE_I, Recipe, simulate
    from aalprivacy.examples import Examples

    recipe = Recipe(batch_size=size, first_batch_size=size)
    return Examples(simulate(users, entries_per_user, seed=1), TABLE_I, RECEIVER, recipe)


def batches() -> dict:
    """The batches of every setting (`aalprivacy.examples.Batch`)."""
    made = {}
    for (size, window), n in SETTINGS.items():
        source = examples(size, 1000, 10)
        drawn = (source.batch(i, window) for i in range(10 * n))
        made[size, window] = [batch for batch in drawn if batch.window == window][:n]
    return made


def start_tokens(y: np.ndarray) -> np.ndarray:
    return np.pad(y[:, :-1], ((0, 0), (1, 0)))


def engine(product_dtype: str, layers: bool = True, shards: bool = True, context: bool = True):
    """The package's trainer; each of its parts can be taken away alone."""
    from aalprivacy import TABLE_I, Recipe, lstm, updates
    from aalprivacy.training import Trainer

    if not shards:
        updates.SHARDS = 1
    if not context:
        lstm.FastLSTM.call = _with_context_at_every_step(lstm.FastLSTM.call)
    updates.one_thread_a_shard()
    recipe = Recipe(product_dtype=product_dtype, engine=layers, places=0)
    trainer = Trainer(recipe, TABLE_I, RECEIVER)

    def run(batches) -> None:
        for batch in batches:
            trainer.step(batch)

    return run


def _with_context_at_every_step(call):
    """The layer's call with the context as a part of each step's input, as in stock layers."""
    import keras

    def wider(self, sequences, initial_state=None, context=None, **options):
        if context is not None:
            steps = keras.ops.zeros_like(sequences[:, :, :1])
            sequences = keras.ops.concatenate([sequences, context[:, None, :] + steps], axis=-1)
        return call(self, sequences, initial_state, **options)

    return wider


def keras_fit(product_dtype: str | None, devices: int):
    """A Keras model in `fit`; of stock layers if there is no product type."""
    import keras
    import tensorflow as tf

    from aalprivacy.architecture import Architecture
    from aalprivacy.model import build_decoder, build_encoder

    architecture = Architecture(places=0)
    strategy = tf.distribute.get_strategy()
    if devices > 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
    with strategy.scope():
        encoder = build_encoder(architecture, product_dtype)
        decoder = build_decoder(architecture, product_dtype)
        tokens = keras.Input((None,), dtype="int32")
        start = keras.Input((None,), dtype="int32")
        model = keras.Model([tokens, start], decoder([start, encoder(tokens)]))
        model.compile(
            keras.optimizers.Adam(4e-4, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
            jit_compile=False,  # XLA, Keras's default, compiles again for each length: it is slower
        )

    # The thread that tunes a dataset waits 10, 20, 40, ... milliseconds between its rounds, and the
    # end of `fit` waits for it: with tuning `fit` took 2.6, 5.1 or 10.2 seconds, nothing between.
    plain = tf.data.Options()
    plain.autotune.enabled = False

    def dense(*columns):
        x, start, y = (column.to_tensor() for column in columns)
        return (x, start), y

    def run(batches) -> None:
        # Ragged columns: with a Python generator, `fit` stops for seconds now and then.
        examples = ((b.entries, start_tokens(b.views), b.views) for b in batches)
        columns = zip(*examples, strict=True)
        ragged = (tf.ragged.stack([tf.RaggedTensor.from_tensor(c) for c in cs]) for cs in columns)
        data = tf.data.Dataset.from_tensor_slices(tuple(ragged)).map(dense)
        model.fit(data.with_options(plain), verbose=0)

    return run


def torch_loop(autocast: bool):
    import torch
    from torch import nn

    from aalprivacy.pair import Architecture

    a = Architecture()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.write = (nn.Embedding(a.tokens, a.embedding) for _ in range(2))
            self.encoder = nn.LSTM(a.embedding, a.units, batch_first=True)
            self.decoder = nn.LSTM(a.embedding + a.width, a.units, batch_first=True)
            self.scores = nn.Linear(a.units, a.tokens)

        def forward(self, x, start):
            # In reversed lines padding comes first. It isn't masked, which saves PyTorch work.
            _, (h, c) = self.encoder(self.read(x.flip(1)))
            code = torch.cat([h[0], c[0]], 1)[:, None].expand(-1, start.shape[1], -1)
            outputs, _ = self.decoder(torch.cat([self.write(start), code], 2), (h, c))
            return self.scores(outputs)

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-4)
    loss = nn.CrossEntropyLoss(ignore_index=0)

    def run(batches) -> None:
        for batch in batches:
            arrays = batch.entries, start_tokens(batch.views), batch.views
            x, start, y = (torch.from_numpy(array.astype(np.int64)) for array in arrays)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                scores = net(x, start)
                value = loss(scores.float().flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            value.item()

    return run


CONTESTANTS = {
    ENGINE[0]: lambda: engine("float32"),
    ENGINE[1]: lambda: engine("bfloat16"),
    LOOP: lambda: engine("float32", layers=False),
    NO_SHARDS: lambda: engine("float32", shards=False),
    NO_CONTEXT: lambda: engine("float32", context=False),
    LAYER: lambda: keras_fit("float32", 1),
    MIRRORED: lambda: keras_fit("float32", 2),
    STOCK: lambda: keras_fit(None, 1),
    TORCH[0]: lambda: torch_loop(False),
    TORCH[1]: lambda: torch_loop(True),
}


def contestants() -> list[str]:
    """Those that can take part here: bfloat16 only where it's faster, PyTorch if it's installed."""
    from aalprivacy.updates import faster_product_dtype

    absent = set() if importlib.util.find_spec("torch") else set(TORCH)
    if faster_product_dtype() == "float32":
        absent |= {ENGINE[1], TORCH[1]}
    return [*(name for name in CONTESTANTS if name not in absent), DRAW]


def peak(dtype: str) -> float:
    """Products of two 2048 x 2048 matrices, one a core at once: operations a second."""
    import tensorflow as tf

    a = tf.cast(tf.random.normal((2, 2048, 2048)), dtype)
    products = tf.function(lambda a: (tf.matmul(a[0], a[1]), tf.matmul(a[1], a[0])))
    products(a)
    return 4 * 2048**3 / min(timed(lambda: products(a)) for _ in range(10))


def operations(x: np.ndarray, y: np.ndarray) -> float:
    """Operations of a step's matrix products: forward, and twice as many backward."""
    from aalprivacy.pair import Architecture

    a = Architecture()
    recurrent = (a.embedding + a.units) * 4 * a.units
    products = x.size * recurrent + y.size * (recurrent + a.units * a.tokens)
    return 6.0 * (products + len(x) * a.width * 4 * a.units)


def answers(name: str):
    """A function that answers a contestant's questions: a setting's seconds, a type's peak."""
    if name == DRAW:
        source = examples(32, 8000, 100)

        def draw(size: int, window: int) -> None:
            source.recipe = replace(source.recipe, batch_size=size, first_batch_size=size)
            for update in range(SETTINGS[size, window]):
                source.batch(update, window)

        return lambda setting: timed(lambda: draw(*key(setting)))
    run, data = CONTESTANTS[name](), batches()

    def answer(question: str) -> float:
        kind, value = question.split(maxsplit=1)
        if kind == "peak":
            return peak(value)
        return timed(lambda: run(data[key(question)]))

    return answer


def key(setting: str) -> tuple[int, int]:
    """Batch size and window of a setting's name."""
    size, window = setting.split()
    return int(size), int(window)


def tables(seconds: dict, peaks: dict) -> str:
    """The table of speeds and the table of ratios."""
    data, names = batches(), list(dict.fromkeys(name for name, _ in seconds))
    settings = {f"{size} {window}": (size, window) for size, window in SETTINGS}
    head = [f"{window} attributes, batch {size}" for size, window in SETTINGS]
    speeds = {
        name: [
            spread(k[0] * SETTINGS[k] / np.array(seconds[name, s]), 0) for s, k in settings.items()
        ]
        for name in names
    }

    def fastest(of, setting):
        present = [name for name in of if name in names]
        return min(present, key=lambda name: np.median(seconds[name, setting]))

    def row(label: str, values) -> list[str]:
        bars = BARS.get(label, {})
        cells = []
        for k, each in zip(settings.values(), values, strict=True):
            bar = verdict(float(np.median(each)), bars[k]) if k in bars else ""
            cells.append(spread(each) + bar)
        return cells

    ratios = {
        label: row(label, (np.divide(seconds[fastest(b, s), s], seconds[fastest(a, s), s])
                           for s in settings))
        for label, (a, b) in RIVALS.items()
        if set(a) & set(names) and set(b) & set(names)
    }  # fmt: skip
    for dtype, operations_a_second in peaks.items():
        done = (sum(operations(b.entries, b.views) for b in data[k]) for k in settings.values())
        label, name = f"share of the {dtype} peak", f"engine, {dtype}"
        ratios[label] = row(
            label,
            (n / np.array(seconds[name, s]) / operations_a_second
             for n, s in zip(done, settings, strict=True)),
        )  # fmt: skip
    shares = [np.divide(seconds[DRAW, s], seconds[fastest(ENGINE, s), s]) for s in settings]
    ratios[f"share of a step that {DRAW} takes"] = [
        spread(share, 4) + verdict(float(np.median(share)), MOST_TO_DRAW, most=True)
        for share in shares
    ]
    found = ", ".join(f"{d} {p / 1e9:.0f} GFLOP/s" for d, p in peaks.items())
    return "\n\n".join(
        [
            table("entries a second, median (lowest-highest)", head, speeds),
            table("ratios", head, ratios),
            f"Peak of matrix products, all cores, measured in the same run: {found}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(answers(arguments.serve))
        return
    names = contestants()
    workers = {name: Worker(__file__, name) for name in names}
    settings = [f"{size} {window}" for size, window in SETTINGS]
    seconds = compete(workers.values(), settings, arguments.rounds)
    peaks = {
        d: workers[ENGINE[0]].ask(f"peak {d}")
        for d in ("float32", "bfloat16")
        if f"engine, {d}" in names
    }
    for worker in workers.values():
        worker.end()
    text = tables(seconds, peaks)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

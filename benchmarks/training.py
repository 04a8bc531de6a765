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
SETTINGS = {(32, 2): 40, (32, 20): 12, (64, 20): 8, (128, 20): 6, (512, 20): 2}
ENGINE = ("engine, float32", "engine, bfloat16")
MIRRORED = "engine, bfloat16, MirroredStrategy and fit"
DRAW = "drawing the batches alone, of 800,000 entries"
STOCK = "keras.layers.LSTM, fit"
TORCH = ("torch.nn.LSTM, float32", "torch.nn.LSTM, bfloat16 autocast")
BARS = {
    "stock Keras": {32: 2.5, 128: 2.5, 512: 2.0},
    "the faster PyTorch": {32: 1.2, 128: 1.2, 512: 1.3},
    "peak": {128: 0.45, 512: 0.55},
    DRAW: 0.03,
}


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


def engine(product_dtype: str):
    from aalprivacy import TABLE_I, Recipe
    from aalprivacy.training import Trainer
    from aalprivacy.updates import one_thread_a_shard

    one_thread_a_shard()
    trainer = Trainer(Recipe(product_dtype=product_dtype), TABLE_I, RECEIVER)

    def run(batches) -> None:
        for batch in batches:
            trainer.step(batch)

    return run


def keras_fit(product_dtype: str | None, devices: int):
    """A Keras model in `fit`; of stock layers if there is no product type."""
    import keras
    import tensorflow as tf

    from aalprivacy.model import build_decoder, build_encoder

    strategy = tf.distribute.get_strategy()
    if devices > 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
    with strategy.scope():
        encoder = build_encoder(product_dtype=product_dtype)
        decoder = build_decoder(product_dtype=product_dtype)
        tokens = keras.Input((None,), dtype="int32")
        start = keras.Input((None,), dtype="int32")
        model = keras.Model([tokens, start], decoder([start, encoder(tokens)]))
        model.compile(
            keras.optimizers.Adam(4e-4, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
            jit_compile=False,  # XLA, Keras's default, compiles again for each length: it is slower
        )

    def dense(*columns):
        x, start, y = (column.to_tensor() for column in columns)
        return (x, start), y

    def run(batches) -> None:
        # Ragged columns: with a Python generator, `fit` stops for seconds now and then.
        columns = zip(*((x, start_tokens(y), y) for x, y, *_ in batches), strict=True)
        ragged = (tf.ragged.stack([tf.RaggedTensor.from_tensor(c) for c in cs]) for cs in columns)
        model.fit(tf.data.Dataset.from_tensor_slices(tuple(ragged)).map(dense), verbose=0)

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
        for x, y, *_ in batches:
            x, start, y = (torch.from_numpy(a.astype(np.int64)) for a in (x, start_tokens(y), y))
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
    MIRRORED: lambda: keras_fit("bfloat16", 2),
    STOCK: lambda: keras_fit(None, 1),
    TORCH[0]: lambda: torch_loop(False),
    TORCH[1]: lambda: torch_loop(True),
}


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
    settings = [f"{size} {window}" for size, window in SETTINGS]
    head = [f"{window} attributes, batch {size}" for size, window in SETTINGS]
    entries = {setting: key(setting)[0] * SETTINGS[key(setting)] for setting in settings}
    speeds = {
        name: [spread(entries[s] / np.array(seconds[name, s]), 0) for s in settings]
        for name in names
    }

    def fastest(rivals, setting):
        return min(rivals, key=lambda name: np.median(seconds[name, setting]))

    ratios = {}
    rivals = {"stock Keras": [STOCK], "the faster PyTorch": [n for n in TORCH if n in names]}
    rivals["MirroredStrategy and fit"] = [MIRRORED]
    for label, rival in rivals.items():
        bars = BARS.get(label, {})
        ratios[f"over {label}"] = [
            cell(np.divide(seconds[fastest(rival, s), s], seconds[fastest(ENGINE, s), s]), bars, s)
            for s in settings
            if rival
        ]
    for name, (dtype, operations_a_second) in zip(ENGINE, peaks.items(), strict=True):
        ratios[f"share of the {dtype} peak"] = [
            cell(
                sum(operations(b.entries, b.views) for b in data[key(s)])
                / np.array(seconds[name, s])
                / operations_a_second,
                BARS["peak"] if name == fastest(ENGINE, s) else {},
                s,
            )
            for s in settings
        ]
    shares = [np.divide(seconds[DRAW, s], seconds[fastest(ENGINE, s), s]) for s in settings]
    ratios[f"share of a step that {DRAW} takes"] = [
        spread(share, 4) + verdict(np.median(share), BARS[DRAW], most=True) for share in shares
    ]
    found = ", ".join(f"{d} {p / 1e9:.0f} GFLOP/s" for d, p in peaks.items())
    return "\n\n".join(
        [
            table("entries a second, median (lowest-highest)", head, speeds),
            table("the faster engine", head, ratios),
            f"Peak of matrix products, all cores, measured in the same run: {found}.",
        ]
    )


def cell(values, bars: dict, setting: str) -> str:
    size, window = key(setting)
    bar = bars.get(size) if window == 20 else None
    return spread(values) + (verdict(np.median(values), bar) if bar else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(answers(arguments.serve))
        return
    names = [n for n in CONTESTANTS if n not in TORCH or importlib.util.find_spec("torch")] + [DRAW]
    workers = {name: Worker(__file__, name) for name in names}
    settings = [f"{size} {window}" for size, window in SETTINGS]
    seconds = compete(workers.values(), settings, arguments.rounds)
    peaks = {d: workers[ENGINE[0]].ask(f"peak {d}") for d in ("float32", "bfloat16")}
    for worker in workers.values():
        worker.end()
    text = tables(seconds, peaks)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

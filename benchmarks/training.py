"""Training speed: the engine against stock Keras and PyTorch, on the same batches, in turn.

Every contestant is a process of its own with the threads that suit it. All wait; one at a time is
told to train on the same batches of real entries, whole steps with clipping and Adam; then the
next. So slow drifts of the machine fall on all alike, and a ratio is taken within a round.

Usage: ``python benchmarks/training.py [--rounds 7] [--out table.md]``. PyTorch takes part if it is
installed: ``pip install torch==2.13.0`` (on Linux from the index of CPU builds).
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

RECEIVER = "family_member"  # the longest views
# Batch size and attributes a window -> batches a turn.
SETTINGS = {(32, 2): 40, (32, 20): 12, (64, 20): 8, (128, 20): 6, (512, 20): 2}
ENGINE = ("engine, float32", "engine, bfloat16")
MIRRORED = "engine, bfloat16, MirroredStrategy and fit"
STOCK = "keras.layers.LSTM, fit"
TORCH = ("torch.nn.LSTM, float32", "torch.nn.LSTM, bfloat16 autocast")
BARS = {
    "stock": {32: 2.5, 128: 2.5, 512: 2.0},
    "torch": {32: 1.2, 128: 1.2, 512: 1.3},
    "peak": {128: 0.45, 512: 0.55},
}


def batches() -> dict:
    """The batches of every setting: entry tokens, view tokens, which are replaced."""
    from aalprivacy import TABLE_I, apply_policy, simulate
    from aalprivacy.training import Examples, Recipe

    entries = simulate(1000, 10, seed=1)
    views = apply_policy(entries, receiver=RECEIVER)
    made = {}
    for (size, window), n in SETTINGS.items():
        recipe = Recipe(batch_size=size, first_batch_size=size)
        examples = Examples(entries, views, TABLE_I.for_receiver(RECEIVER), recipe)
        drawn = (examples.batch(i, window) for i in range(10 * n))
        made[size, window] = [d[:3] for d in drawn if d[3] == window][:n]
    return made


def start_tokens(y: np.ndarray) -> np.ndarray:
    return np.pad(y[:, :-1], ((0, 0), (1, 0)))


def engine(product_dtype: str):
    from aalprivacy.training import Recipe, Trainer, one_thread_a_shard

    one_thread_a_shard()
    trainer = Trainer(Recipe(product_dtype=product_dtype))

    def run(examples) -> None:
        for example in examples:
            trainer.step(*example)

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
            jit_compile=False,  # XLA, Keras' default, compiles anew for each length, and is slower
        )

    def run(examples) -> None:
        shape = tf.TensorSpec((None, None), tf.int32)
        data = tf.data.Dataset.from_generator(
            lambda: (((x, start_tokens(y)), y) for x, y, _ in examples),
            output_signature=((shape, shape), shape),
        )
        model.fit(data.prefetch(2), verbose=0)

    return run


def torch_loop(autocast: bool):
    import torch
    from torch import nn

    from aalprivacy.text import VOCABULARY

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.write = (nn.Embedding(VOCABULARY, 32) for _ in range(2))
            self.encoder = nn.LSTM(32, 256, batch_first=True)
            self.decoder = nn.LSTM(32 + 512, 256, batch_first=True)
            self.scores = nn.Linear(256, VOCABULARY)

        def forward(self, x, start):
            # Padding comes first in reversed lines; it isn't masked here, which is less work.
            _, (h, c) = self.encoder(self.read(x.flip(1)))
            code = torch.cat([h[0], c[0]], 1)[:, None].expand(-1, start.shape[1], -1)
            outputs, _ = self.decoder(torch.cat([self.write(start), code], 2), (h, c))
            return self.scores(outputs)

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-4)
    loss = nn.CrossEntropyLoss(ignore_index=0)

    def run(examples) -> None:
        for x, y, _ in examples:
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
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        products(a)
        seconds.append(time.perf_counter() - began)
    return 4 * 2048**3 / min(seconds)


def operations(x: np.ndarray, y: np.ndarray) -> float:
    """Operations of a step's matrix products: forward, and twice as many backward."""
    from aalprivacy.model import EMBEDDING, UNITS
    from aalprivacy.text import VOCABULARY

    recurrent = (EMBEDDING + UNITS) * 4 * UNITS
    products = x.size * recurrent + y.size * (recurrent + UNITS * VOCABULARY)
    return 6.0 * (products + len(x) * 2 * UNITS * 4 * UNITS)


def serve(name: str) -> None:
    """A contestant's process: reads a setting, trains on its batches, answers the seconds."""
    run, data = CONTESTANTS[name](), batches()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.startswith("peak"):
            print(peak(line.split()[1]), flush=True)
            continue
        size, window = map(int, line.split())
        began = time.perf_counter()
        run(data[size, window])
        print(time.perf_counter() - began, flush=True)


def compare(rounds: int) -> tuple[dict, dict]:
    """Seconds of every contestant, setting, round; and the peak of each product type."""
    names = [n for n in CONTESTANTS if "torch" not in n or importlib.util.find_spec("torch")]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    workers = {}
    for name in names:
        workers[name] = subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment,
        )  # fmt: skip
        ask(workers[name], None)
    seconds = {(name, setting): [] for name in names for setting in SETTINGS}
    for setting in SETTINGS:
        for number in range(-1, rounds):
            for name, worker in workers.items():
                time.sleep(0.3)  # the last one's threads go to sleep
                took = ask(worker, f"{setting[0]} {setting[1]}")
                if number >= 0:  # the first round compiles and warms up
                    seconds[name, setting].append(took)
                print(f"{setting} round {number} {name}: {took:.2f} s", file=sys.stderr)
    peaks = {d: ask(workers[ENGINE[0]], f"peak {d}") for d in ("float32", "bfloat16")}
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return seconds, peaks


def ask(worker: subprocess.Popen, question: str | None) -> float | None:
    if question is not None:
        worker.stdin.write(question + "\n")
        worker.stdin.flush()
    answer = worker.stdout.readline().strip()
    if not answer:
        raise SystemExit(f"{' '.join(worker.args)}: ended before its answer")
    return float(answer) if question is not None else None


def middle(values) -> str:
    """Median, lowest and highest."""
    return f"{np.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def tables(seconds: dict, peaks: dict) -> str:
    data = batches()
    names = list(dict.fromkeys(name for name, _ in seconds))
    head = [f"{w} attributes, batch {b}" for b, w in SETTINGS]
    lines = ["Entries a second, median (lowest-highest):", "", "| | " + " | ".join(head) + " |"]
    lines.append("| --- |" + " --- |" * len(head))
    for name in names:
        cells = []
        for (size, window), n in SETTINGS.items():
            speeds = [size * n / s for s in seconds[name, (size, window)]]
            cells.append(f"{np.median(speeds):.0f} ({min(speeds):.0f}-{max(speeds):.0f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "The faster engine's speed over that of, in the same round:", ""]
    lines += ["| | " + " | ".join(head) + " |", "| --- |" + " --- |" * len(head)]
    best = {
        s: min(ENGINE, key=lambda name, s=s: np.median(seconds[name, s])) for s in SETTINGS
    }  # fmt: skip
    faster_torch = {
        s: min(TORCH, key=lambda name, s=s: np.median(seconds[name, s]))
        for s in SETTINGS
        if TORCH[0] in names
    }
    rivals = {"stock": dict.fromkeys(SETTINGS, STOCK), "torch": faster_torch}
    rivals["MirroredStrategy"] = dict.fromkeys(SETTINGS, MIRRORED)
    for rival, of in rivals.items():
        cells = []
        for setting in SETTINGS:
            if setting not in of:
                cells.append("-")
                continue
            ratios = np.divide(seconds[of[setting], setting], seconds[best[setting], setting])
            bar = BARS.get(rival, {}).get(setting[0]) if setting[1] == 20 else None
            mark = f", bar {bar}: {verdict(np.median(ratios) >= bar)}" if bar else ""
            cells.append(middle(ratios) + mark)
        lines.append(f"| {rival} | " + " | ".join(cells) + " |")
    for name, dtype in zip(ENGINE, peaks, strict=True):
        cells = []
        for setting in SETTINGS:
            work = sum(operations(x, y) for x, y, _ in data[setting])
            shares = work / np.array(seconds[name, setting]) / peaks[dtype]
            bar = BARS["peak"].get(setting[0]) if name == best[setting] else None
            mark = f", bar {bar}: {verdict(np.median(shares) >= bar)}" if bar else ""
            cells.append(middle(shares) + mark)
        lines.append(f"| share of the {dtype} peak | " + " | ".join(cells) + " |")
    found = ", ".join(f"{d} {p / 1e9:.0f} GFLOP/s" for d, p in peaks.items())
    lines += ["", f"Peak of matrix products, all cores, measured in the same run: {found}."]
    return "\n".join(lines)


def verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        # TensorFlow and PyTorch both print; only answers may reach the other side.
        serve(arguments.serve)
    else:
        table = tables(*compare(arguments.rounds))
        print(table)
        if arguments.out:
            arguments.out.write_text(table + "\n")

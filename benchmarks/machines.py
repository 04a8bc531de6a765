"""Training on several machines: what two processes save, and what more machines would.

Two processes of this machine train together, one thread each, as two machines do. One process with
one thread makes the same updates alone. They take turns. From the seconds and the bytes of an
update it works out what machines of this kind would save on a network. That part is arithmetic. It
assumes that all machines compute at the same speed, that a machine's part of a batch takes as long
as a batch of that size alone, and that sums are passed on in a ring.

Usage: ``python benchmarks/machines.py [--rounds 3] [--out table.md]``
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from contest import spread, table, timed

# Entries of a batch -> updates that are timed. The smaller ones are what a machine's part takes.
BATCHES = {4: 8, 8: 8, 16: 6, 32: 6, 64: 4, 128: 4, 256: 2, 512: 2}
SHOWN = (32, 128, 512)
MACHINES, NETWORKS = (2, 4, 8), {"1 Gbit/s": 125e6, "10 Gbit/s": 1.25e9}  # bytes a second


def serve() -> None:
    """Train as one of `TF_CONFIG`'s workers, or alone; the chief prints seconds and bytes."""
    from aalprivacy import TABLE_I, Recipe, simulate, updates
    from aalprivacy.examples import Examples
    from aalprivacy.quiet import tf
    from aalprivacy.training import Trainer
    from aalprivacy.workers import Workers

    updates.SHARDS = 1
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    workers = Workers.from_environment()
    workers.connect()
    trainer = Trainer(Recipe(), TABLE_I, "family_member", workers)
    entries, seconds = simulate(1000, 2, seed=1), {}
    for size, count in BATCHES.items():
        recipe = Recipe(batch_size=size, first_batch_size=size, mixing=0)
        source = Examples(entries, TABLE_I, "family_member", recipe)
        batches = [source.batch(number, len(TABLE_I.schema)) for number in range(count)]

        def train(batches=batches) -> None:
            for batch in batches:
                trainer.step(batch)

        train()  # compiles, and warms up
        seconds[size] = timed(train) / count
    if workers.is_chief:
        sent = sum(4 * int(tf.size(variable)) for variable in trainer.variables)
        print(json.dumps({"seconds": seconds, "bytes": sent}))


def addresses(count: int) -> list[str]:
    """Addresses of this machine whose ports are free."""
    with ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in free:
            one.bind(("localhost", 0))
        return [f"localhost:{one.getsockname()[1]}" for one in free]


def run(count: int) -> dict:
    """What so many processes measured together."""
    where, processes = addresses(count), []
    for rank in range(count):
        task = {"cluster": {"worker": where}, "task": {"type": "worker", "index": rank}}
        environment = os.environ | ({"TF_CONFIG": json.dumps(task)} if count > 1 else {})
        processes.append(
            subprocess.Popen([sys.executable, __file__, "--serve"], env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        )  # fmt: skip
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"{count} processes: one ended with an error")
    return json.loads(said[0])


def tables(one: list[dict], two: list[dict]) -> str:
    """The table of what was measured, and the table of what it would give."""

    def of(runs: list[dict], size: int) -> list[float]:
        return [each["seconds"][str(size)] for each in runs]

    sent = one[0]["bytes"]
    measured = {
        f"{size}": [
            spread(of(one, size)), spread(of(two, size)),
            spread([a / b for a, b in zip(of(one, size), of(two, size), strict=True)]),
            spread([b - a for a, b in zip(of(one, size // 2), of(two, size), strict=True)]),
        ]
        for size in SHOWN
    }  # fmt: skip
    head = ["one process", "two processes", "one over two", "of it, exchange and waiting"]
    worked_out = {}
    for size in SHOWN:
        alone = median(of(one, size))
        for name, rate in NETWORKS.items():
            cells = []
            for machines in MACHINES:
                own = median(of(one, size // machines))
                cells.append(f"{alone / (own + 2 * (machines - 1) / machines * sent / rate):.1f}")
            worked_out[f"{size}, {name}"] = cells
    return "\n\n".join(
        [
            table("entries of a batch; seconds an update, median (lowest-highest)", head, measured),
            table("entries of a batch, network; times one machine's speed",
                  [f"{machines} machines" for machines in MACHINES], worked_out),
            f"An update sends {sent / 1e6:.1f} MB of gradients.",
        ]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    one, two = [], []
    for number in range(options.rounds):
        one.append(run(1))
        two.append(run(2))
        print(f"round {number}: {one[-1]['seconds']} {two[-1]['seconds']}", file=sys.stderr)
    text = tables(one, two)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

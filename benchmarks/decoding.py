"""Speed of encoding and of greedy decoding: the package against stock Keras, in turn.

The shipped researcher's pair encodes real entries and decodes their codes. Stock Keras encodes with
`predict`; it has no greedy decoding of its own, so its contestant is the loop of Keras' own
sequence-to-sequence example, one step of a stock LSTM at a time, compiled as a `tf.function` and
stopped once every line of the batch has its end.

Usage: ``python benchmarks/decoding.py [--entries 20000] [--rounds 5] [--out table.md]``
"""

import argparse
from pathlib import Path

import numpy as np
from contest import Worker, compete, serve, spread, table, timed, verdict

RECEIVER = "researcher"
BATCH = 512
WORK = ("encode", "decode")
STOCK, OWN, OWN_FAST = "stock Keras", "aalprivacy, float32", "aalprivacy, bfloat16"
BAR = 3


def own(product_dtype: str):
    from aalprivacy import load_pair

    pair = load_pair(RECEIVER)
    options = {"batch_size": BATCH, "product_dtype": product_dtype}
    return (lambda tokens: pair.encode(tokens, **options)), (
        lambda codes: pair.decode(codes, **options)
    )


def stock():
    import keras
    import tensorflow as tf

    from aalprivacy import load_pair
    from aalprivacy.text import EOS, MAX_LENGTH, PAD

    pair = load_pair(RECEIVER)
    embed, scores = (pair.decoder.get_layer(name) for name in ("embedding", "scores"))
    trained = pair.decoder.get_layer("lstm")
    lstm = keras.layers.LSTM(trained.units, return_state=True)
    lstm.build((None, 1, trained.cell.kernel.shape[0]))
    lstm.set_weights(trained.get_weights())

    @tf.function(reduce_retracing=True)
    def step(token, code, h, c):
        inputs = tf.concat([embed(token), code], axis=-1)[:, None]
        output, h, c = lstm(inputs, initial_state=[h, c])
        return tf.argmax(scores(output), axis=-1, output_type=tf.int32), h, c

    def decode(codes):
        written = np.full((len(codes), MAX_LENGTH + 1), PAD, np.uint8)
        for at in range(0, len(codes), BATCH):
            code = tf.constant(codes[at : at + BATCH])
            h, c = tf.split(code, 2, axis=1)
            token = tf.fill([len(code)], PAD)
            done = np.zeros(len(code), bool)
            for t in range(MAX_LENGTH + 1):
                token, h, c = step(token, code, h, c)
                written[at : at + BATCH, t] = np.where(done, PAD, token)
                done |= token.numpy() <= EOS
                if done.all():
                    break
        return written

    def encode(tokens):
        return pair.encoder.predict(tokens.astype(np.int32), batch_size=BATCH, verbose=0)

    return encode, decode


CONTESTANTS = {
    STOCK: stock,
    OWN: lambda: own("float32"),
    OWN_FAST: lambda: own("bfloat16"),
}


def lines(n: int) -> np.ndarray:
    from aalprivacy import simulate, to_lines, to_tokens

    return to_tokens(to_lines(simulate(n // 10, 10, seed=1)))


def same_results(n: int = 2000) -> dict[str, str]:
    """What each contestant's results are beside the stock one's."""
    tokens = lines(n)
    encode, decode = stock()
    codes = encode(tokens)
    written, found = decode(codes), {}
    for name, dtype in ((OWN, "float32"), (OWN_FAST, "bfloat16")):
        own_encode, own_decode = own(dtype)
        difference = np.abs(own_encode(tokens) - codes).max()
        same = (own_decode(codes) == written).all(axis=1).mean()
        found[name] = f"codes differ by at most {difference:.1e}, {same:.2%} of lines are the same"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        encode, decode = CONTESTANTS[arguments.serve]()
        tokens = lines(arguments.entries)
        codes = own("float32")[0](tokens)
        work = {"encode": lambda: encode(tokens), "decode": lambda: decode(codes)}
        serve(lambda question: timed(work[question]))
        return
    workers = [Worker(__file__, name, f"--entries={arguments.entries}") for name in CONTESTANTS]
    seconds = compete(workers, WORK, arguments.rounds)
    for worker in workers:
        worker.end()
    rows = {
        name: [spread(arguments.entries / np.array(seconds[name, w]), 0) for w in WORK]
        for name in CONTESTANTS
    }
    for name in (OWN, OWN_FAST):
        ratios = [np.divide(seconds[STOCK, w], seconds[name, w]) for w in WORK]
        rows[f"{name}, over stock Keras in the same round"] = [
            spread(r) + verdict(np.median(r), BAR) for r in ratios
        ]
    text = table("entries a second, median (lowest-highest)", WORK, rows)
    text += "\n\nAgainst stock Keras, 2,000 entries: " + "; ".join(
        f"{name}: {found}" for name, found in same_results().items()
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

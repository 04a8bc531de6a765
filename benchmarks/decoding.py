"""Speed of encoding and of greedy decoding: the NumPy runtime against TensorFlow, in turn.

The shipped researcher's pair encodes simulated entries and decodes their codes. Stock Keras encodes
with `predict`. It has no greedy decoding, so its contestant is the loop of Keras's own
sequence-to-sequence example: one step of a stock LSTM at a time, compiled as a `tf.function`. It
stops when every line of the batch has its end. The second contestant is what the package did before
it had a runtime of its own: the same mathematics, compiled by TensorFlow and XLA.

Usage: ``python benchmarks/decoding.py [--entries 20000] [--rounds 5] [--out table.md]``
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from contest import Worker, compete, serve, spread, table, timed, verdict

from aalprivacy.runtime import count_cores

PAIR = "researcher"
BATCH = 512
WORK = ("encode", "decode")
STOCK, COMPILED, OWN = "stock Keras", "TensorFlow, compiled", "aalprivacy, NumPy"
BARS = {STOCK: 3, COMPILED: 1}  # over each of them in the same round
SAME_LINES, SAME_CODES = 0.999, 1e-5  # beside stock Keras


def own(pair):
    """The package's own runtime, from tokens to tokens, as for the other contestants."""
    from aalprivacy import runtime

    longest = pair.schema.longest
    return pair.encode, lambda codes: runtime.decode(
        pair.weights, pair.architecture, codes, longest=longest
    )


def vectors_of_places(pair, part: str) -> np.ndarray:
    """The sums of the vectors of each attribute and place, ``(attributes * places, embedding)``."""
    attribute, place = (
        pair.weights[f"{part}/{name}/embeddings"] for name in ("attribute", "place")
    )
    return (attribute[:, None] + place).reshape(-1, attribute.shape[1]).astype(np.float32)


def follow(architecture, token, at):
    """The rows of the next tokens in `vectors_of_places`, after tokens in the rows `at`."""
    import tensorflow as tf

    places, last = architecture.places, architecture.places * (architecture.attributes - 1)
    along = tf.where(at % places < places - 1, at + 1, at)
    new = (token == architecture.separator) & (at < last)
    return tf.where(new, at - at % places + places, along)


def stock(pair):
    import keras
    import tensorflow as tf

    from aalprivacy.text import EOS, PAD

    encoder, decoder = pair.keras()
    embed, scores, trained = map(decoder.get_layer, ("embedding", "scores", "lstm"))
    lstm = keras.layers.LSTM(trained.units, return_state=True)
    lstm.build((None, 1, trained.cell.kernel.shape[0]))
    lstm.set_weights(trained.get_weights())
    steps, architecture = pair.schema.longest + 1, pair.architecture
    vectors = tf.constant(vectors_of_places(pair, "decoder"))

    @tf.function(reduce_retracing=True)
    def step(token, at, code, h, c):
        inputs = tf.concat([embed(token) + tf.gather(vectors, at), code], axis=-1)[:, None]
        output, h, c = lstm(inputs, initial_state=[h, c])
        token = tf.argmax(scores(output), axis=-1, output_type=tf.int32)
        return token, follow(architecture, token, at), h, c

    def decode(codes):
        written = np.full((len(codes), steps), PAD, np.uint8)
        for at in range(0, len(codes), BATCH):
            code = tf.constant(codes[at : at + BATCH])
            h, c = tf.split(code, 2, axis=1)
            token, place = tf.fill([len(code)], PAD), tf.zeros([len(code)], tf.int32)
            done = np.zeros(len(code), bool)
            for t in range(steps):
                token, place, h, c = step(token, place, code, h, c)
                written[at : at + BATCH, t] = np.where(done, PAD, token)
                done |= token.numpy() <= EOS
                if done.all():
                    break
        return written

    def encode(tokens):
        return encoder.predict(tokens.astype(np.int32), batch_size=BATCH, verbose=0)

    return encode, decode


def compiled(pair):
    """What each token adds comes from tables; a step is one product and code compiled by XLA."""
    import tensorflow as tf

    from aalprivacy.text import EOS, PAD

    def arrays(part):
        names = ("embedding/embeddings", "lstm/kernel", "lstm/recurrent_kernel", "lstm/bias")
        vectors, kernel, recurrent, bias = (pair.weights[f"{part}/{name}"] for name in names)
        width = vectors.shape[1]
        tables = vectors @ kernel[:width] + bias, vectors_of_places(pair, part) @ kernel[:width]
        return tuple(map(tf.constant, tables)), tf.constant(recurrent), tf.constant(kernel[width:])

    read_tables, read_kernel, _ = arrays("encoder")
    write_tables, write_kernel, of_code = arrays("decoder")
    score_kernel, score_bias = (
        tf.constant(pair.weights[f"decoder/scores/{name}"]) for name in ("kernel", "bias")
    )
    units, steps = pair.architecture.units, pair.schema.longest + 1

    @tf.function(jit_compile=tf.test.is_built_with_xla(), autograph=False)
    def step(product, tables, token, at, h, c, waits):
        product += tf.gather(tables[0], token) + tf.gather(tables[1], at)
        i, f, g, o = tf.split(product, 4, axis=1)
        new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        new_h = tf.sigmoid(o) * tf.tanh(new_c)
        return tf.where(waits[:, None], h, new_h), tf.where(waits[:, None], c, new_c)

    @tf.function(reduce_retracing=True)
    def read(lines, places):  # (time, n) each, the last token of each line first
        def one(t, h, c):
            product, waits = tf.matmul(h, read_kernel), lines[t] == PAD
            return t + 1, *step(product, read_tables, lines[t], places[t], h, c, waits)

        zeros = tf.zeros((tf.shape(lines)[1], units))
        _, h, c = tf.while_loop(lambda t, *_: t < tf.shape(lines)[0], one, (0, zeros, zeros))
        return tf.concat([h, c], axis=1)

    @tf.function(reduce_retracing=True)
    def write(code):
        constant = tf.matmul(code[:, : of_code.shape[0]], of_code)

        def one(t, token, at, h, c, done, written):
            product = tf.matmul(h, write_kernel) + constant
            h, c = step(product, write_tables, token, at, h, c, done)
            scores = tf.matmul(h, score_kernel) + score_bias
            token = tf.where(done, PAD, tf.argmax(scores, axis=1, output_type=tf.int32))
            at, done = follow(pair.architecture, token, at), done | (token <= EOS)
            return t + 1, token, at, h, c, done, written.write(t, token)

        n, (h, c) = tf.shape(code)[0], tf.split(code, 2, axis=1)
        written = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[None])
        *_, written = tf.while_loop(
            lambda t, token, at, h, c, done, written: (t < steps) & ~tf.reduce_all(done),
            one,
            (0, tf.fill([n], PAD), tf.fill([n], 0), h, c, tf.fill([n], False), written),
        )
        return written.stack()

    def on_all_cores(run, rows):
        with ThreadPoolExecutor(count_cores()) as pool:
            batches = (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))
            list(pool.map(run, batches))

    def encode(tokens):
        codes = np.empty((len(tokens), 2 * units), np.float32)
        lengths = (tokens != PAD).sum(axis=1)
        attribute, place = pair.architecture.where(tokens)
        places = pair.architecture.places * attribute + place

        def run(rows):
            longest = lengths[rows].max()
            both = (part[rows, :longest][:, ::-1].T.astype(np.int32) for part in (tokens, places))
            codes[rows] = read(*map(tf.constant, both))

        on_all_cores(run, np.argsort(lengths, kind="stable"))
        return codes

    def decode(codes):
        tokens = np.zeros((len(codes), steps), np.uint8)

        def run(rows):
            written = write(tf.constant(codes[rows])).numpy()
            tokens[rows, : len(written)] = written.T

        on_all_cores(run, np.arange(len(codes)))
        return tokens

    return encode, decode


CONTESTANTS = {STOCK: stock, COMPILED: compiled, OWN: own}


def setting(n: int):
    """The pair, and the tokens of simulated entries."""
    from aalprivacy import load_pair, simulate
    from aalprivacy.text import to_lines, to_tokens

    pair = load_pair(PAIR)
    return pair, to_tokens(
        to_lines(simulate(-(-n // 10), 10, seed=1)[:n], pair.schema), pair.schema
    )


def same_results(n: int = 2000) -> dict[str, str]:
    """How far each contestant's results differ from those of stock Keras."""
    pair, tokens = setting(n)
    encode, decode = stock(pair)
    codes = encode(tokens)
    written, found = decode(codes), {}
    for name in (COMPILED, OWN):
        own_encode, own_decode = CONTESTANTS[name](pair)
        difference = np.abs(own_encode(tokens) - codes).max()
        same = (own_decode(codes) == written).all(axis=1).mean()
        found[name] = (
            f"codes differ by at most {difference:.1e}"
            f"{verdict(difference, SAME_CODES, most=True)}, {same:.2%} of {n:,} lines are the same"
            f"{verdict(same, SAME_LINES)}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        pair, tokens = setting(arguments.entries)
        codes = pair.encode(tokens)
        encode, decode = CONTESTANTS[arguments.serve](pair)
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
    for rival, bar in BARS.items():
        ratios = [np.divide(seconds[rival, w], seconds[OWN, w]) for w in WORK]
        rows[f"{OWN}, over {rival} in the same round"] = [
            spread(r) + verdict(np.median(r), bar) for r in ratios
        ]
    text = table("entries a second, median (lowest-highest)", WORK, rows)
    text += "\n\nBeside stock Keras: " + "; ".join(
        f"{name}: {found}" for name, found in same_results().items()
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

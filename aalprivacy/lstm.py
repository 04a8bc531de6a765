"""The engine: an LSTM layer that trains faster on a CPU than the stock one, with the same results.

Three things make the difference. The gradient is written out, so that the backward loop holds
nothing but what depends on the step before; the recurrent kernel's gradient is one large product
after it. The recurrent products may be taken in bfloat16, everything else stays float32. What is
the same at every step, a *context*, is multiplied once and not at every step.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="aalprivacy")
class FastLSTM(keras.layers.LSTM):
    """A drop-in `keras.layers.LSTM`: same arguments, weights and results.

    Parameters
    ----------
    units, **kwargs
        As for `keras.layers.LSTM`. What the engine doesn't cover (other activations, dropout,
        ``go_backwards``, ``unroll``) runs as the stock layer does.
    product_dtype
        ``"float32"`` or ``"bfloat16"``: the type in which the recurrent products are taken; the
        gates, the states and all sums over time are float32 in either case.

    Call arguments: those of `keras.layers.LSTM`, and ``context``, float32 ``(batch, k)``: equal to
    the stock layer on ``concatenate([sequences, context at every step])``.

    References
    ----------
    Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8). The context is
    that of Cho et al. (2014), arXiv:1406.1078, the paper's reference [8].

    Examples
    --------
    >>> import keras
    >>> FastLSTM(256, return_sequences=True)(keras.ops.zeros((2, 7, 32))).shape
    TensorShape([2, 7, 256])
    """

    def __init__(self, units: int, *, product_dtype: str = "float32", **kwargs) -> None:
        super().__init__(units, **kwargs)
        if product_dtype not in ("float32", "bfloat16"):
            raise ValueError(
                f"product_dtype: expected 'float32' or 'bfloat16', got {product_dtype!r}"
            )
        self.product_dtype = product_dtype
        self._context = None

    def get_config(self) -> dict:
        return super().get_config() | {"product_dtype": self.product_dtype}

    def build(self, sequences_shape, initial_state_shape=None, context_shape=None) -> None:
        if context_shape is not None:
            *leading, width = sequences_shape
            sequences_shape = (*leading, width + context_shape[-1])
        super().build(sequences_shape)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None, context_shape=None):
        return super().compute_output_shape(sequences_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False, context=None):
        if context is not None and not self._is_covered():
            steps = keras.ops.zeros_like(sequences[:, :, :1])
            sequences = keras.ops.concatenate([sequences, context[:, None, :] + steps], axis=-1)
            context = None
        self._context = context
        try:
            return super().call(sequences, initial_state, mask=mask, training=training)
        finally:
            self._context = None

    def _is_covered(self) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and self.compute_dtype == "float32"
            and self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.use_bias
            and not (self.dropout or self.recurrent_dropout)
            and not (self.go_backwards or self.unroll or self.zero_output_for_mask)
        )

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not self._is_covered():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        kernel = tf.convert_to_tensor(self.cell.kernel)
        constant = tf.convert_to_tensor(self.cell.bias)
        if self._context is not None:
            width = kernel.shape[0] - self._context.shape[-1]
            constant = (constant + tf.matmul(self._context, kernel[width:]))[None]
            kernel = kernel[:width]
        # Time first from here on: a step is then one slice of memory.
        steps = tf.transpose(tf.convert_to_tensor(sequences), [1, 0, 2])
        projected = tf.einsum("tbd,dg->tbg", steps, kernel) + constant
        if mask is not None:
            mask = tf.transpose(tf.cast(mask, tf.float32))[:, :, None]
        outputs, h, c = _lstm(
            projected,
            tf.convert_to_tensor(self.cell.recurrent_kernel),
            initial_state[0],
            initial_state[1],
            mask,
            self.product_dtype,
        )
        if mask is not None:
            # Before its first unmasked step the stock layer puts out zeros, whatever its state.
            outputs = outputs * tf.minimum(tf.cumsum(mask), 1)
        return outputs[-1], tf.transpose(outputs, [1, 0, 2]), [h, c]


def _product(a: tf.Tensor, b: tf.Tensor, product_dtype: str) -> tf.Tensor:
    if product_dtype == "float32":
        return tf.matmul(a, b)
    return tf.cast(tf.matmul(tf.cast(a, tf.bfloat16), tf.cast(b, tf.bfloat16)), tf.float32)


def _lstm(projected, recurrent, h0, c0, mask, product_dtype):
    """The recurrence and its gradient.

    Parameters
    ----------
    projected
        Inputs times kernel plus bias, float32 ``(time, batch, 4 * units)``; gates in Keras' order:
        input, forget, candidate, output.
    recurrent
        float32 ``(units, 4 * units)``.
    h0, c0
        float32 ``(batch, units)``.
    mask
        float32 ``(time, batch, 1)`` of ones and zeros or ``None``; a step of zero carries the
        state on.

    Returns
    -------
    outputs float32 ``(time, batch, units)`` and the last ``h`` and ``c``.
    """
    time = tf.shape(projected)[0]
    units = recurrent.shape[0]

    @tf.custom_gradient
    def run(projected, recurrent, h0, c0):
        kernel = tf.cast(recurrent, product_dtype)

        def step(t, h, c, all_gates, all_h, all_c):
            z = projected[t] + _product(h, kernel, product_dtype)
            i, f, g, o = tf.split(z, 4, axis=1)
            i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
            new_c = f * c + i * g
            new_h = o * tf.tanh(new_c)
            if mask is not None:
                keep = mask[t]
                new_c = c + keep * (new_c - c)
                new_h = h + keep * (new_h - h)
            return (
                t + 1,
                new_h,
                new_c,
                all_gates.write(t, tf.concat([i, f, g, o], axis=1)),
                all_h.write(t, new_h),
                all_c.write(t, new_c),
            )

        array = tf.TensorArray(tf.float32, size=time)
        _, h, c, all_gates, all_h, all_c = tf.while_loop(
            lambda t, *_: t < time,
            step,
            (0, h0, c0, array, tf.TensorArray(tf.float32, size=time),
             tf.TensorArray(tf.float32, size=time)),
        )  # fmt: skip
        outputs, cells, gates = all_h.stack(), all_c.stack(), all_gates.stack()
        batch = tf.shape(h0)[0]
        outputs = tf.reshape(outputs, [time, batch, units])
        cells = tf.reshape(cells, [time, batch, units])
        gates = tf.reshape(gates, [time, batch, 4 * units])

        def gradient(d_outputs, d_h, d_c):
            transposed = tf.transpose(kernel)
            before_h = tf.concat([h0[None], outputs[:-1]], axis=0)
            before_c = tf.concat([c0[None], cells[:-1]], axis=0)

            def back(t, dh, dc, all_dz):
                dh = dh + d_outputs[t]
                i, f, g, o = tf.split(gates[t], 4, axis=1)
                tanh_c = tf.tanh(cells[t])
                step_dh, step_dc = (dh, dc) if mask is None else (dh * mask[t], dc * mask[t])
                inner = step_dc + step_dh * o * (1 - tanh_c * tanh_c)
                dz = tf.concat(
                    [
                        inner * g * i * (1 - i),
                        inner * before_c[t] * f * (1 - f),
                        inner * i * (1 - g * g),
                        step_dh * tanh_c * o * (1 - o),
                    ],
                    axis=1,
                )
                new_dh = _product(dz, transposed, product_dtype)
                new_dc = inner * f
                if mask is not None:
                    new_dh = new_dh + (1 - mask[t]) * dh
                    new_dc = new_dc + (1 - mask[t]) * dc
                return t - 1, new_dh, new_dc, all_dz.write(t, dz)

            _, dh0, dc0, all_dz = tf.while_loop(
                lambda t, *_: t >= 0,
                back,
                (time - 1, d_h, d_c, tf.TensorArray(tf.float32, size=time)),
            )
            dz = tf.reshape(all_dz.stack(), [time, batch, 4 * units])
            d_recurrent = _product(
                tf.transpose(tf.reshape(before_h, [-1, units])),
                tf.reshape(dz, [-1, 4 * units]),
                product_dtype,
            )
            return dz, d_recurrent, dh0, dc0

        return (outputs, h, c), gradient

    return run(projected, recurrent, h0, c0)

"""A step of an LSTM on a GPU: one kernel forward and one backward, in Triton.

A step of a small network is over before a GPU has begun the next kernel. So the time of a step
depends mostly on the number of its kernels. Here the product, the gates and the new state are one.
"""

import torch
import triton
import triton.language as tl

UNITS = 16  # of a program
MOST_ROWS = 32  # of a program; fewer for small batches, so that more programs run at once
# Forward in float32. The product of the backward step sums four times as many numbers. It is faster
# on tensor cores, in TF32: 10 bits of a fraction, where bfloat16 has 7.
FORWARD, BACKWARD = "ieee", "tf32"


@triton.jit
def _sigmoid(x):
    return 1 / (1 + tl.exp(-x))


@triton.jit
def _tanh(x):
    return 2 / (1 + tl.exp(-2 * x)) - 1


@triton.jit
def _place(n, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """A program's model, rows and units, and which rows there are."""
    model = tl.program_id(2).to(tl.int64)
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    units = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    return model, rows, units, (rows < n)[:, None]


@triton.jit
def _load(at, inside, WIDTH: tl.constexpr):
    """The four gates from their places: input, forget, candidate, output."""
    i = tl.load(at, inside, 0.0)
    f = tl.load(at + WIDTH, inside, 0.0)
    g = tl.load(at + 2 * WIDTH, inside, 0.0)
    o = tl.load(at + 3 * WIDTH, inside, 0.0)
    return i, f, g, o


@triton.jit
def _store(at, i, f, g, o, inside, WIDTH: tl.constexpr):
    """Put four values where `_load` finds them."""
    tl.store(at, i, inside)
    tl.store(at + WIDTH, f, inside)
    tl.store(at + 2 * WIDTH, g, inside)
    tl.store(at + 3 * WIDTH, o, inside)


@triton.jit(do_not_specialize=["time", "t", "n", "stride"])
def _forward(
    inputs, kernel, all_h, all_c, all_gates, time, t, n, stride,
    WIDTH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, PART: tl.constexpr,
    PRODUCTS: tl.constexpr,
):  # fmt: skip
    model, rows, units, inside = _place(n, ROWS, UNITS)
    gates_at = (model * time + t) * n * 4 * WIDTH + rows[:, None] * 4 * WIDTH + units[None, :]
    i, f, g, o = _load(inputs + gates_at, inside, WIDTH)
    before = (model * (time + 1) + t) * n * WIDTH + rows[:, None] * WIDTH
    for begin in range(0, WIDTH, PART):
        part = begin + tl.arange(0, PART)
        h = tl.load(all_h + before + part[None, :], inside, 0.0)
        at = kernel + model * stride + part[:, None] * 4 * WIDTH + units[None, :]
        i = tl.dot(h, tl.load(at), i, input_precision=PRODUCTS)
        f = tl.dot(h, tl.load(at + WIDTH), f, input_precision=PRODUCTS)
        g = tl.dot(h, tl.load(at + 2 * WIDTH), g, input_precision=PRODUCTS)
        o = tl.dot(h, tl.load(at + 3 * WIDTH), o, input_precision=PRODUCTS)
    i, f, g, o = _sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(o)
    c = f * tl.load(all_c + before + units[None, :], inside, 0.0) + i * g
    after = before + n * WIDTH + units[None, :]
    tl.store(all_c + after, c, inside)
    tl.store(all_h + after, o * _tanh(c), inside)
    _store(all_gates + gates_at, i, f, g, o, inside, WIDTH)


@triton.jit(do_not_specialize=["time", "t", "n", "stride"])
def _backward(
    d_h, d_c, kernel, all_c, all_gates, all_dz, dc_after, time, t, n, stride,
    HAS_H: tl.constexpr, HAS_C: tl.constexpr, IS_LAST: tl.constexpr,
    WIDTH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, PART: tl.constexpr,
    PRODUCTS: tl.constexpr,
):  # fmt: skip
    model, rows, units, inside = _place(n, ROWS, UNITS)
    own = rows[:, None] * WIDTH + units[None, :]
    step = (model * time + t) * n * WIDTH
    dh = tl.zeros((ROWS, UNITS), tl.float32)
    dc = tl.zeros((ROWS, UNITS), tl.float32)
    if HAS_H:
        dh = tl.load(d_h + step + own, inside, 0.0)
    if HAS_C:
        dc = tl.load(d_c + step + own, inside, 0.0)
    carried = dc_after + model * n * WIDTH + own
    if not IS_LAST:
        dc += tl.load(carried, inside, 0.0)
        later = all_dz + (step + n * WIDTH) * 4 + rows[:, None] * 4 * WIDTH
        for begin in range(0, 4 * WIDTH, PART):
            part = begin + tl.arange(0, PART)
            dz = tl.load(later + part[None, :], inside, 0.0)
            at = kernel + model * stride + units[None, :] * 4 * WIDTH + part[:, None]
            dh = tl.dot(dz, tl.load(at), dh, input_precision=PRODUCTS)
    gates_at = step * 4 + rows[:, None] * 4 * WIDTH + units[None, :]
    i, f, g, o = _load(all_gates + gates_at, inside, WIDTH)
    before = all_c + (model * (time + 1) + t) * n * WIDTH + own
    c = tl.load(before, inside, 0.0)
    tanh_c = _tanh(tl.load(before + n * WIDTH, inside, 0.0))
    inner = dc + dh * o * (1 - tanh_c * tanh_c)
    tl.store(carried, inner * f, inside)
    d_i, d_f = inner * g * i * (1 - i), inner * c * f * (1 - f)
    d_g, d_o = inner * i * (1 - g * g), dh * tanh_c * o * (1 - o)
    _store(all_dz + gates_at, d_i, d_f, d_g, d_o, inside, WIDTH)


def _programs(models: int, n: int, units: int) -> tuple[int, tuple[int, int, int]]:
    """Rows of a program, and the grid; it refuses a width that the kernels' parts don't fill."""
    if units not in (16, 32) and units % 64:
        raise ValueError(f"units: expected 16, 32 or a multiple of 64, got {units}")
    rows = 16 if models * n <= 64 else MOST_ROWS
    return rows, (triton.cdiv(n, rows), units // UNITS, models)


def forward(
    inputs: torch.Tensor, recurrent: torch.Tensor, all_h: torch.Tensor, all_c: torch.Tensor,
    all_gates: torch.Tensor,
) -> None:  # fmt: skip
    """All steps of an LSTM.

    Parameters
    ----------
    inputs
        What is added to the gates, ``(models, time, batch, 4 units)``; the gates are input, forget,
        candidate, output.
    recurrent
        ``(models, units, 4 units)``.
    all_h, all_c
        States before and after each step, ``(models, time + 1, batch, units)``. The first is given;
        the others are written.
    all_gates
        Is written: like `inputs`, the gates after their functions.
    """
    models, time, n, gates = inputs.shape
    units = gates // 4
    rows, grid = _programs(models, n, units)
    for t in range(time):
        _forward[grid](
            inputs, recurrent, all_h, all_c, all_gates, time, t, n, recurrent.stride(0),
            units, rows, UNITS, min(64, units), FORWARD,
        )  # fmt: skip


def backward(
    d_h: torch.Tensor | None, d_c: torch.Tensor | None, recurrent: torch.Tensor,
    all_c: torch.Tensor, all_gates: torch.Tensor, all_dz: torch.Tensor, dc: torch.Tensor,
) -> None:  # fmt: skip
    """The gradients of all steps.

    Parameters
    ----------
    d_h, d_c
        Gradients of the states after each step, ``(models, time, batch, units)``; ``None`` for
        zeros.
    recurrent, all_c, all_gates
        As for `forward`.
    all_dz
        Is written: like `all_gates`, the gradients of the gates before their functions.
    dc
        Is written: the gradient of the first ``c``, ``(models, batch, units)``.
    """
    models, time, n, gates = all_gates.shape
    units = gates // 4
    rows, grid = _programs(models, n, units)
    nothing = all_dz  # where there must be an array, but none is read
    for t in reversed(range(time)):
        _backward[grid](
            nothing if d_h is None else d_h, nothing if d_c is None else d_c, recurrent, all_c,
            all_gates, all_dz, dc, time, t, n, recurrent.stride(0),
            d_h is not None, d_c is not None, t == time - 1,
            units, rows, UNITS, min(128, units), BACKWARD,
        )  # fmt: skip

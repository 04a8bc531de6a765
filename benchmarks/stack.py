"""Several pairs in PyTorch, side by side: each product computes a step of all of them at once.

An LSTM of 256 units is a small product for a GPU, and a line has about 150 steps that wait for each
other. Trainings that have nothing to do with each other can share these steps.

The networks, the losses and Adam are those of `aalprivacy.training`. Products are in float32; on a
GPU one product of the backward step is in TF32 (`steps.py`).
"""

import importlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from aalprivacy.architecture import Architecture
from aalprivacy.recipe import CLIP, FIRST_MOMENT
from aalprivacy.text import EOS, PAD

TABLES = ("embedding", "attribute", "place")
EPSILON = 1e-7  # of Keras's Adam
ROUND = 8  # lines are padded to a multiple of this, so that there are few graphs


class Recurrence(torch.autograd.Function):
    """An LSTM for several models, with the gradient written out.

    The backward loop computes only what depends on the step after. The kernels' gradient is one
    product after the loop.
    """

    @staticmethod
    def forward(ctx, vectors, kernel, constant, h, c):
        """All states.

        Parameters
        ----------
        vectors
            ``(models, time, batch, width)``.
        kernel
            Input kernels on top of recurrent kernels, ``(models, width + units, 4 units)``; the
            gates are input, forget, candidate, output.
        constant
            Added to the gates at every step, ``(models, batch, 4 units)``.
        h, c
            First states, ``(models, batch, units)``.

        Returns
        -------
        ``h`` and ``c`` after each step, ``(models, time, batch, units)``.
        """
        models, time, batch, width = vectors.shape
        units = h.shape[2]
        inputs = vectors.view(models, time * batch, width) @ kernel[:, :width]
        inputs = inputs.view(models, time, batch, 4 * units) + constant[:, None]
        all_h, all_c = (vectors.new_empty(models, time + 1, batch, units) for _ in range(2))
        all_h[:, 0], all_c[:, 0] = h, c
        all_gates = torch.empty_like(inputs)
        _steps(vectors).forward(inputs, kernel[:, width:], all_h, all_c, all_gates)
        ctx.save_for_backward(vectors, kernel)
        ctx.steps = all_h, all_c, all_gates
        ctx.set_materialize_grads(False)
        return all_h[:, 1:], all_c[:, 1:]

    @staticmethod
    def backward(ctx, d_h, d_c):
        vectors, kernel = ctx.saved_tensors
        all_h, all_c, all_gates = ctx.steps
        models, time, batch, width = vectors.shape
        units, recurrent = all_h.shape[3], kernel[:, width:]
        all_dz, dc = torch.empty_like(all_gates), torch.empty_like(all_c[:, 0])
        d_h, d_c = (None if d is None else d.contiguous() for d in (d_h, d_c))
        _steps(vectors).backward(d_h, d_c, recurrent, all_c, all_gates, all_dz, dc)
        dh = all_dz[:, 0] @ recurrent.transpose(1, 2)
        flat = all_dz.view(models, time * batch, 4 * units)
        read = torch.cat([vectors, all_h[:, :-1]], 3).view(models, time * batch, width + units)
        d_vectors = (flat @ kernel[:, :width].transpose(1, 2)).view_as(vectors)
        return d_vectors, read.transpose(1, 2) @ flat, all_dz.sum(1), dh, dc


def _steps(tensor: torch.Tensor):
    """What computes the steps: the module `steps` on a GPU, and here `Plain`."""
    return importlib.import_module("steps") if tensor.is_cuda else Plain


class Plain:
    """The functions of the module `steps`, which needs a GPU, in plain PyTorch."""

    @staticmethod
    def forward(inputs, recurrent, all_h, all_c, all_gates) -> None:
        for t in range(inputs.shape[1]):
            made = inputs[:, t] + all_h[:, t] @ recurrent
            all_h[:, t + 1], all_c[:, t + 1], all_gates[:, t] = _cell(made, all_c[:, t])

    @staticmethod
    def backward(d_h, d_c, recurrent, all_c, all_gates, all_dz, dc) -> None:
        dc.zero_()
        for t in reversed(range(all_gates.shape[1])):
            i, f, g, o = all_gates[:, t].chunk(4, 2)
            c, tanh_c = all_c[:, t], all_c[:, t + 1].tanh()
            dh = torch.zeros_like(c) if d_h is None else d_h[:, t]
            if t + 1 < all_gates.shape[1]:
                dh = dh + all_dz[:, t + 1] @ recurrent.transpose(1, 2)
            if d_c is not None:
                dc += d_c[:, t]
            inner = dc + dh * o * (1 - tanh_c**2)
            dz = [inner * g * i * (1 - i), inner * c * f * (1 - f), inner * i * (1 - g**2),
                  dh * tanh_c * o * (1 - o)]  # fmt: skip
            all_dz[:, t] = torch.cat(dz, 2)
            dc.copy_(inner * f)


def _cell(made, c):
    """A step's ``h``, ``c`` and gates, from what goes into the gates and the ``c`` before."""
    i, f, g, o = made.chunk(4, 2)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c, torch.cat([i, f, g, o], 2)


class Stack:
    """The weights of several models, their losses, and Adam.

    Parameters
    ----------
    architectures
        Of equal sizes. Whether there are vectors of places, and whether the decoder gets the code
        at each step, may differ; what a model doesn't have is zero and stays zero.
    weights
        Of each model, by name.
    device
        PyTorch's device.
    """

    def __init__(
        self,
        architectures: Sequence[Architecture],
        weights: Sequence[Mapping[str, np.ndarray]],
        device: str,
    ) -> None:
        self.architectures, self.device = list(architectures), torch.device(device)
        a = self.architectures[0]
        self.units, self.width = a.units, a.width
        self._whole = Architecture(
            a.tokens, a.separator, a.attributes, a.units, a.embedding,
            max(x.places for x in self.architectures) or 1,
        )  # fmt: skip
        self.parameters = self._stacked(weights)
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.first, self.second, self.average = (
            {n: torch.zeros_like(p) for n, p in self.parameters.items()} for _ in range(3)
        )
        flags = [[bool(x.places), x.code_at_every_step] for x in self.architectures]
        self.has_places, self.has_context = (
            self._tensor(np.array(flag, np.float32)).view(-1, 1, 1)
            for flag in zip(*flags, strict=True)
        )

    def __len__(self) -> int:
        return len(self.architectures)

    def go_on(self, states: Sequence[Mapping[str, Mapping[str, np.ndarray]]]) -> None:
        """Take what the trainings had of Adam's state: ``first``, ``second`` and ``average``."""
        for name in ("first", "second", "average"):
            setattr(self, name, self._stacked([state[name] for state in states]))

    def _stacked(self, arrays: Sequence[Mapping[str, np.ndarray]]) -> dict[str, torch.Tensor]:
        """The arrays of all models, in the form of `parameters`."""
        stacked = {
            name: np.stack([_padded(a.get(name), shape) for a in arrays])
            for name, shape in self._whole.shapes().items()
        }
        return {name: self._tensor(value) for name, value in self._joined(stacked).items()}

    def _tensor(self, value) -> torch.Tensor:
        return torch.as_tensor(value, device=self.device)

    def _joined(self, stacked: dict) -> dict:
        """The kernels as `Recurrence` takes them; the code's part of the decoder's is apart."""
        kernel = stacked.pop("decoder/lstm/kernel")
        vector = self._whole.embedding
        stacked["decoder/context"] = kernel[:, vector:]
        for part, inputs in (("encoder", stacked.pop("encoder/lstm/kernel")),
                             ("decoder", kernel[:, :vector])):  # fmt: skip
            recurrent = stacked.pop(f"{part}/lstm/recurrent_kernel")
            stacked[f"{part}/lstm"] = np.concatenate([inputs, recurrent], 1)
        return stacked

    def arrays(self, of: str) -> list[dict[str, np.ndarray]]:
        """The ``parameters`` of each model by name, or their ``average``, ``first``, ``second``."""
        arrays = {name: value.detach().cpu().numpy() for name, value in getattr(self, of).items()}
        vector, models = self._whole.embedding, []
        for m, a in enumerate(self.architectures):
            own = {name: array[m] for name, array in arrays.items()}
            context = own.pop("decoder/context")
            for part in ("encoder", "decoder"):
                joined = own.pop(f"{part}/lstm")
                own[f"{part}/lstm/kernel"] = joined[:vector]
                own[f"{part}/lstm/recurrent_kernel"] = joined[vector:]
            own["decoder/lstm/kernel"] = np.concatenate([own["decoder/lstm/kernel"], context])
            shapes = a.shapes()
            models.append({n: own[n][tuple(map(slice, s))].copy() for n, s in shapes.items()})
        return models

    def kept(self, which: Sequence[int]) -> "Stack":
        """A stack of some of the models, with Adam's state."""
        other = object.__new__(Stack)
        other.__dict__ |= self.__dict__
        other.architectures = [self.architectures[m] for m in which]
        at = self._tensor(list(which))
        for name in ("parameters", "first", "second", "average"):
            old = getattr(self, name)
            setattr(other, name, {n: p.detach()[at].contiguous() for n, p in old.items()})
        for parameter in other.parameters.values():
            parameter.requires_grad_()
        other.has_places, other.has_context = self.has_places[at], self.has_context[at]
        return other

    def _vectors(self, p: Mapping, part: str, read: Sequence[torch.Tensor]) -> torch.Tensor:
        """Sums of the vectors of tokens, attributes and places, ``(models, ..., width)``."""
        total = 0
        for table, index in zip(TABLES, read, strict=True):
            rows = p[f"{part}/{table}/embeddings"]
            if table != "embedding":
                rows = rows * self.has_places
            models, count, width = rows.shape
            begin = torch.arange(models, device=self.device) * count
            at = (index.to(torch.int64) + begin.view(-1, *[1] * (index.dim() - 1))).flatten()
            found = rows.reshape(-1, width).index_select(0, at)
            total = total + found.view(*index.shape, width)
        return total

    def losses(self, batch: Mapping[str, torch.Tensor], noise_size) -> torch.Tensor:
        """Each token's loss, ``(models, time, batch)``.

        Parameters
        ----------
        batch
            ``read``: three arrays ``(models, time, batch)`` as from `reading`, and ``lengths``
            ``(models, batch)``; ``before``: three arrays as from `writing`; ``views``, the tokens
            to write; ``noise``, ``(models, batch, code)``.
        noise_size
            ``(models, 1, 1)``.
        """
        p = self.parameters
        vectors = self._vectors(p, "encoder", batch["read"])
        models, time, n, _ = vectors.shape
        zero = torch.zeros(models, n, self.units, device=self.device)
        constant = p["encoder/lstm/bias"][:, None].expand(-1, n, -1)
        states = Recurrence.apply(vectors, p["encoder/lstm"], constant, zero, zero)
        last = (batch["lengths"].to(torch.int64) - 1).view(models, 1, n, 1)
        last = last.expand(-1, -1, -1, self.units)
        code = torch.cat([s.gather(1, last)[:, 0] for s in states], 2)
        code = code + noise_size * batch["noise"]
        vectors = self._vectors(p, "decoder", batch["before"])
        outputs, _ = Recurrence.apply(
            vectors, p["decoder/lstm"], self._constant(p, code),
            code[..., : self.units].contiguous(), code[..., self.units :].contiguous(),
        )  # fmt: skip
        scores = torch.baddbmm(
            p["decoder/scores/bias"][:, None],
            outputs.reshape(models, time * n, self.units),
            p["decoder/scores/kernel"],
        )
        views = batch["views"].to(torch.int64).flatten()
        losses = functional.cross_entropy(scores.view(len(views), -1), views, reduction="none")
        return losses.view(models, time, n)

    def _constant(self, p: Mapping, code: torch.Tensor) -> torch.Tensor:
        context = code @ (p["decoder/context"] * self.has_context)
        return context + p["decoder/lstm/bias"][:, None]

    def update(self, batch: Mapping, settings: torch.Tensor) -> torch.Tensor:
        """Make one update of each model.

        Parameters
        ----------
        batch
            As for `losses`, and ``counted``: which characters count in the returned loss.
        settings
            float32 ``(4, models)``: as from `settings_of`.

        Returns
        -------
        Each model's loss in nats a character, ``(models,)``, before the update.
        """
        step, keeps, beta, noise_size = settings
        losses = self.losses(batch, noise_size.view(-1, 1, 1))
        weights = (batch["views"] != PAD).float()
        own = weights * batch["counted"]
        sums = (losses * weights).sum((1, 2)) / weights.sum((1, 2))
        gradients = torch.autograd.grad(sums.sum(), list(self.parameters.values()))
        with torch.no_grad():
            squares = sum(g.flatten(1).square().sum(1) for g in gradients)
            clip = CLIP / squares.sqrt().clamp(min=CLIP)

            def wide(of, like):
                return of.view(-1, *[1] * (like.dim() - 1))

            for (name, p), g in zip(self.parameters.items(), gradients, strict=True):
                g = g * wide(clip, g)
                first, second, average = (s[name] for s in (self.first, self.second, self.average))
                first.lerp_(g, 1 - FIRST_MOMENT)
                second.lerp_(g.square(), wide(1 - beta, g))
                p.addcdiv_(first * wide(-step, g), second.sqrt().add_(EPSILON))
                average.lerp_(p, wide(1 - keeps, g))
            return (losses.detach() * own).sum((1, 2)) / own.sum((1, 2))

    @torch.no_grad()
    def decode(self, read: Sequence[torch.Tensor], lengths: torch.Tensor, longest: int):
        """Encode lines and write the most likely views, with the averaged weights.

        Parameters
        ----------
        read, lengths
            As in the batch of `losses`.

        Returns
        -------
        Tokens uint8 ``(models, n, longest + 1)``; after `EOS` they mean nothing.
        """
        p, a = self.average, self._whole
        vectors = self._vectors(p, "encoder", read)
        models, time, n, _ = vectors.shape
        h = c = torch.zeros(models, n, self.units, device=self.device)
        kernel, bias = p["encoder/lstm"], p["encoder/lstm/bias"][:, None]
        for t in range(time):
            new = self._step(vectors[:, t], kernel, bias, h, c)
            inside = (lengths > t)[..., None]
            h, c = (torch.where(inside, x, y) for x, y in zip(new, (h, c), strict=True))
        constant = self._constant(p, torch.cat([h, c], 2))
        token = torch.full((models, n), PAD, device=self.device)
        attribute = torch.zeros_like(token)
        place = torch.zeros_like(token)
        written = []
        for t in range(longest + 1):
            if t:
                ends = (token == a.separator) & (attribute < a.attributes - 1)
                attribute = attribute + ends
                place = torch.where(ends, 0, place + 1)
            read = token, attribute, place.clamp(max=a.places - 1)
            vectors = self._vectors(p, "decoder", read)
            h, c = self._step(vectors, p["decoder/lstm"], constant, h, c)
            scores = h @ p["decoder/scores/kernel"] + p["decoder/scores/bias"][:, None]
            token = scores.argmax(2)
            written.append(token.to(torch.uint8))
            if t % 20 == 19 and bool((torch.stack(written) == EOS).any(0).all()):
                break
        return torch.stack(written, 2)

    def _step(self, vectors, kernel, constant, h, c):
        return _cell(torch.cat([vectors, h], 2) @ kernel + constant, c)[:2]


class Graphs:
    """Updates of a stack, captured once for each length of lines and then replayed.

    Parameters
    ----------
    stack
        The models.
    kinds
        The arrays of a batch, as from `batches.layout` for these models.
    """

    def __init__(self, stack: Stack, kinds: Mapping[str, tuple]) -> None:
        self.stack, self.cuda = stack, stack.device.type == "cuda"
        self.inputs = {
            name: torch.zeros(shape, dtype=getattr(torch, np.dtype(kind).name), device=stack.device)
            for name, (shape, kind) in kinds.items()
        }
        self.hosts = [  # one is filled while the other is copied
            {name: torch.zeros_like(x, device="cpu", pin_memory=self.cuda)
             for name, x in self.inputs.items()}
            for _ in range(2)
        ]  # fmt: skip
        self.settings = torch.zeros(4, len(stack), device=stack.device)
        self.host_settings = torch.zeros(4, len(stack), pin_memory=self.cuda)
        self.losses = torch.zeros(len(stack), pin_memory=self.cuda)
        self.graphs: dict[int, tuple] = {}  # length -> graph and its losses
        self.pool = None

    def fill(self, slot: dict, models: Sequence[int], update: int) -> None:
        """Copy a slot's arrays of these models, to be used by the `run` of this update."""
        for name, array in slot.items():
            host = self.hosts[update % 2][name]
            np.take(array, models, axis=0, out=host.numpy(), mode="clip")

    def run(self, update: int, longest: int, settings: np.ndarray) -> None:
        """Begin an update of lines up to this length."""
        most = self.inputs["views"].shape[1]
        length = min(most, -(-longest // ROUND) * ROUND)
        self.host_settings.copy_(torch.from_numpy(settings))
        self.settings.copy_(self.host_settings, non_blocking=True)
        for name, value in self.hosts[update % 2].items():
            self.inputs[name].copy_(value, non_blocking=True)
        if not self.cuda:
            self.losses.copy_(self._update(length))
            return
        if length not in self.graphs:
            self._capture(length)
        graph, losses = self.graphs[length]
        graph.replay()
        self.losses.copy_(losses, non_blocking=True)

    def _update(self, length: int) -> torch.Tensor:
        lines = {
            name: value[:, :length] if value.dim() == 3 and name != "noise" else value
            for name, value in self.inputs.items()
        }
        batch = {
            name: [lines[k] for k in (name, f"{name}_attribute", f"{name}_place")]
            for name in ("read", "before")
        }
        batch |= {name: lines[name] for name in ("views", "counted", "lengths", "noise")}
        return self.stack.update(batch, self.settings)

    def _capture(self, length: int) -> None:
        if not self.graphs:  # libraries make their handles outside of a graph
            state = [{n: p.detach().clone() for n, p in s.items()} for s in self._state()]
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(2):
                    self._update(length)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.no_grad():
                for now, old in zip(self._state(), state, strict=True):
                    for name, value in old.items():
                        now[name].copy_(value)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool):
            losses = self._update(length)
        self.pool = graph.pool()
        self.graphs[length] = graph, losses

    def _state(self) -> list[dict]:
        s = self.stack
        return [s.parameters, s.first, s.second, s.average]

    def wait(self) -> np.ndarray:
        """The losses of the update that runs."""
        if self.cuda:
            torch.cuda.synchronize()
        return self.losses.numpy().copy()


def _padded(array: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """An array with zeros after it; zeros alone, if a model doesn't have it."""
    whole = np.zeros(shape, np.float32)
    if array is not None:
        whole[tuple(map(slice, array.shape))] = array
    return whole

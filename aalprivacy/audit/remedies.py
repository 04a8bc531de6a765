"""Remedies: what each costs the receiver, and what an attacker still learns.

One more remedy is a blind pair (`aalprivacy.recipe.Recipe.blind`), which is audited as any other
pair. All of them are compared with the view by rule, sealed, which needs no pair.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aalprivacy import sealing
from aalprivacy.audit.insider import Insider
from aalprivacy.audit.measure import BYTES, FEWEST, TIME, Case, Finding, Setting, noise_of
from aalprivacy.codes import NUMBER_TYPES, restored, rounded
from aalprivacy.small import fit_all, pack
from aalprivacy.text import view_lines
from aalprivacy.views import apply_policy

FITTED, CHOSEN = 2000, 300  # entries for fitting small codes, and for choosing among the fits


@dataclass(frozen=True)
class Noise:
    """The sender adds normal noise to every code. The decoder stays the same.

    The findings are what the rightful receiver reads, and what `Insider` learns with a linear probe
    that is trained on codes with the same noise. The first size is 0: it shows what there is to
    hide.

    Parameters
    ----------
    sizes
        Of the noise, relative to the standard deviation of each number of a code.
    known
        How many known entries the probe learns from at most.
    attributes
        As for `Insider`.
    seed
        Of the noise. Default 0.
    """

    sizes: tuple[float, ...] = (0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0)
    known: int = 10_000
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        known = (min(self.known, len(case.known)),)
        probe = Insider(known, False, self.attributes, seed=self.seed)
        rng, deviation = np.random.default_rng(self.seed), case.known_codes.std(0)
        findings = []
        for size in self.sizes:
            sent = case.sent_as(
                lambda codes, size=size: (
                    codes + size * deviation * rng.standard_normal(codes.shape, np.float32)
                )
            )
            findings += _cost_and_leak("noise", noise_of(size), sent, probe, _bytes(case.codes))
        return findings


@dataclass(frozen=True)
class SmallCodes:
    """The sender writes codes in few bytes (`aalprivacy.small`). Does this hide anything?

    The findings are what the rightful receiver reads, and what `Insider` learns with a linear probe
    that is trained on codes of the same size. The first findings are of whole codes. How codes are
    rounded is fitted to the case's own entries, as a training fits it to entries of its own; if the
    case has none, to the known entries.

    Parameters
    ----------
    bytes
        Sizes to try, bytes per code.
    known
        How many known entries the probe learns from at most.
    attributes, seed
        As for `Insider`.
    """

    bytes: tuple[float, ...] = (240, 120, 60, 30)
    known: int = 10_000
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        known = (min(self.known, len(case.known)),)
        probe = Insider(known, False, self.attributes, seed=self.seed)
        whole = _bytes(case.codes)
        setting = Setting("whole codes", whole)
        findings = _cost_and_leak("small codes", setting, case, probe, whole)
        entries = case.known if case.own is None else case.own
        fitted = entries[: min(FITTED, len(entries) - FEWEST // 2)]
        rest = entries[len(fitted) :][:CHOSEN]
        smalls = fit_all(case.pair, fitted, rest, self.bytes, self.seed)
        for size, small in zip(self.bytes, smalls, strict=True):
            sent = case.sent_as(lambda codes, small=small: small.restored(small.rounded(codes)))
            took = len(pack(small.rounded(case.codes))) / len(case.codes)
            setting = Setting(f"small codes of {size:g} bytes", size)
            findings += _cost_and_leak("small codes", setting, sent, probe, took)
        return findings


def _cost_and_leak(
    remedy: str, setting: Setting, sent: Case, probe: Insider, size: float
) -> list[Finding]:
    """What the rightful receiver reads of changed codes, their bytes, and what probes learn."""
    attack = f"remedy: {remedy}, receiver reads"
    findings = sent.reading(attack, setting, sent.read(sent.codes))
    findings.append(_cost(attack, setting, BYTES, size))
    for f in probe.run(sent):
        attack = f"remedy: {remedy}, {f.attack.removeprefix('insider, ')}"
        findings.append(replace(f, attack=attack, setting=replace(setting, known=f.setting.known)))
    return findings


@dataclass(frozen=True)
class Rounding:
    """The sender rounds the numbers of the codes (`aalprivacy.codes.NUMBER_TYPES`) to save room.

    The findings are the receiver's errors, the bytes per entry, and the milliseconds per entry that
    sender and receiver take together on this machine. No probe is tried on rounded codes.
    """

    def run(self, case: Case) -> list[Finding]:
        attack, n, findings = "remedy: rounding", len(case.targets), []
        for number_type in NUMBER_TYPES:
            setting, began = Setting(number_type), time.perf_counter()
            sent = rounded(case.encode(case.targets), number_type)
            lines = case.read(restored(sent))
            taken = 1000 * (time.perf_counter() - began)
            findings += [
                *case.reading(attack, setting, lines),
                _cost(attack, setting, BYTES, sum(part.nbytes for part in sent.values()) / n),
                _cost(attack, setting, TIME, taken / n),
            ]
        return findings


@dataclass(frozen=True)
class RuleAndCipher:
    """The sender applies the policy by rule and seals each view. There is no pair.

    Views are sealed one by one, as a home sends them. The receiver opens them, and its errors are
    counted. Bytes and milliseconds are as for `Rounding`. The receiver learns nothing but its view.
    Nobody else learns more than that something was sent, when, and how long it is.
    """

    def run(self, case: Case) -> list[Finding]:
        pair, key = case.pair, bytes.fromhex(sealing.make_key())
        attack, about, n = "remedy: rule and cipher", {"receiver": pair.receiver}, len(case.targets)
        began = time.perf_counter()
        views = apply_policy(case.targets, pair.policy, pair.receiver)
        lines = view_lines(views, pair.schema)
        sent = [sealing.seal(line.encode(), key, about) for line in lines]
        opened = pd.Series([sealing.unseal(part, key, about).decode() for part in sent])
        taken = 1000 * (time.perf_counter() - began)
        return [
            *case.reading(attack, Setting(), opened),
            _cost(attack, Setting(), BYTES, sum(map(len, sent)) / n),
            _cost(attack, Setting(), TIME, taken / n),
        ]


def _bytes(codes: np.ndarray) -> float:
    """How many bytes one of these codes takes."""
    return codes.nbytes / len(codes)


def _cost(attack: str, setting: Setting, measure: str, value: float) -> Finding:
    """A figure that isn't an attack's. It has no baseline and no control of its own."""
    return Finding(attack, setting, measure, value, value, value, value, value)

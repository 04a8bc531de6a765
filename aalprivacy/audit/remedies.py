"""What might help, measured in what it costs the receiver and in what an attacker still gets.

A blind pair (`aalprivacy.recipe.Recipe.blind`) is one more, which is audited as any pair is. Beside
all of them stands what needs no pair: the view by rule, sealed.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aalprivacy import sealing
from aalprivacy.audit.insider import Insider
from aalprivacy.audit.measure import BYTES, FEWEST, TIME, Case, Finding, Setting
from aalprivacy.codes import NUMBER_TYPES, restored, rounded
from aalprivacy.small import fit_all, pack
from aalprivacy.text import view_lines
from aalprivacy.views import apply_policy

FITTED, CHOSEN = 2000, 300  # entries to which small codes are fitted, and by which they are chosen


@dataclass(frozen=True)
class Noise:
    """The sender adds normal noise to every code; the decoder stays as it was.

    The findings are the rightful receiver's reading, and what `Insider` tells with a linear probe
    that was trained on codes with the same noise. The first size is none, which shows what there is
    to hide.

    Parameters
    ----------
    sizes
        Of the noise, relative to each number's deviation.
    known
        At most so many known entries for the probe.
    attributes
        As for `Insider`.
    """

    sizes: tuple[float, ...] = (0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0)
    known: int = 5000
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        probe = Insider((min(self.known, len(case.known)),), False, self.attributes)
        rng, deviation = np.random.default_rng(self.seed), case.known_codes.std(0)
        findings = []
        for size in self.sizes:
            sent = case.sent_as(
                lambda codes, size=size: (
                    codes + size * deviation * rng.standard_normal(codes.shape, np.float32)
                )
            )
            setting = Setting(f"noise of {size:g} deviations", size)
            findings += _cost_and_leak("noise", setting, sent, probe, _bytes(case.codes))
        return findings


@dataclass(frozen=True)
class SmallCodes:
    """The sender writes codes in few bytes (`aalprivacy.small`): what does less room hide?

    The findings are the rightful receiver's reading, and what `Insider` tells with its probes,
    linear and neural, trained on codes of the same size. The first size is that of whole codes.
    How codes are rounded is fitted to the entries that the attacker knows.

    Parameters
    ----------
    bytes
        A code.
    known
        At most so many known entries for the probes.
    deep, attributes
        As for `Insider`.
    """

    bytes: tuple[float, ...] = (240, 120, 60, 30)
    known: int = 2000
    deep: bool = True
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        probe = Insider((min(self.known, len(case.known)),), self.deep, self.attributes, self.seed)
        whole = _bytes(case.codes)
        setting = Setting("whole codes", whole)
        findings = _cost_and_leak("small codes", setting, case, probe, whole)
        fitted = case.known[: min(FITTED, len(case.known) - FEWEST // 2)]
        rest = case.known[len(fitted) :][:CHOSEN]
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
    """What the rightful receiver reads of codes that were changed, and what probes tell."""
    attack = f"remedy: {remedy}, receiver reads"
    findings = sent.reading(attack, setting, sent.read(sent.codes))
    findings.append(_cost(attack, setting, BYTES, size))
    for f in probe.run(sent):
        attack = f"remedy: {remedy}, {f.attack.removeprefix('insider, ')}"
        findings.append(replace(f, attack=attack, setting=replace(setting, known=f.setting.known)))
    return findings


@dataclass(frozen=True)
class Rounding:
    """The sender rounds the numbers of the codes (`aalprivacy.codes.NUMBER_TYPES`).

    It is meant to save room; the findings say what it costs the receiver, how many bytes an entry
    takes, and how many milliseconds sender and receiver together, on this machine.
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
    """The sender applies the policy by rule, seals each view, and has no pair at all.

    The views are sealed one by one, as a home sends them, and opened by the receiver, whose errors
    are counted. Bytes and milliseconds are as for `Rounding`. Nobody else can learn more than that
    something was sent, and the receiver nothing but its view.
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
    """Of one code."""
    return codes.nbytes / len(codes)


def _cost(attack: str, setting: Setting, measure: str, value: float) -> Finding:
    """A figure that isn't an attack's: nothing is to be held against it."""
    return Finding(attack, setting, measure, value, value, value, value, value)

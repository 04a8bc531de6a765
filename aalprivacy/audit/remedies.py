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
from aalprivacy.small import fit_all
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
            findings += _cost_and_leak("noise", setting, sent, probe)
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

    bytes: tuple[float, ...] = (240, 120, 60, 30, 15)
    known: int = 5000
    deep: bool = True
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        probe = Insider((min(self.known, len(case.known)),), self.deep, self.attributes, self.seed)
        whole = case.codes.shape[1] * case.codes.itemsize
        findings = _cost_and_leak("small codes", Setting(f"{whole:,} bytes", whole), case, probe)
        fitted = case.known[: min(FITTED, len(case.known) - FEWEST // 2)]
        rest = case.known[len(fitted) :][:CHOSEN]
        smalls = fit_all(case.pair, fitted, rest, self.bytes, self.seed)
        for size, small in zip(self.bytes, smalls, strict=True):
            sent = case.sent_as(lambda codes, small=small: small.restored(small.rounded(codes)))
            findings += _cost_and_leak("small codes", Setting(f"{size:g} bytes", size), sent, probe)
        return findings


def _cost_and_leak(remedy: str, setting: Setting, sent: Case, probe: Insider) -> list[Finding]:
    """What the rightful receiver reads of codes that were changed, and what probes tell."""
    lines = sent.read(sent.codes)
    findings = sent.reading(f"remedy: {remedy}, receiver reads", setting, lines)
    for f in probe.run(sent):
        attack = f"remedy: {remedy}, {f.attack.removeprefix('insider, ')}"
        findings.append(replace(f, attack=attack, setting=replace(setting, known=f.setting.known)))
    return findings


@dataclass(frozen=True)
class Rounding:
    """The sender rounds the numbers of the codes (`aalprivacy.codes.NUMBER_TYPES`).

    It is meant to save room; the findings say what it costs.
    """

    def run(self, case: Case) -> list[Finding]:
        findings = []
        for number_type in NUMBER_TYPES:
            lines = case.read(restored(rounded(case.codes, number_type)))
            findings += case.reading("remedy: rounding", Setting(number_type), lines)
        return findings


@dataclass(frozen=True)
class RuleAndCipher:
    """The sender applies the policy by rule, seals each view, and has no pair at all.

    What it costs stands beside what whole codes cost: bytes an entry, and milliseconds an entry for
    sender and receiver together, on this machine. The views are sealed one by one, as a home sends
    them; codes are encoded and decoded many at a time, and not sealed. The receiver opens the views
    that were sealed, so its errors are counted too. Nobody else can learn more than that something
    was sent, and the receiver nothing but its view.
    """

    def run(self, case: Case) -> list[Finding]:
        pair, key = case.pair, bytes.fromhex(sealing.make_key())
        about = {"receiver": pair.receiver}
        began = time.perf_counter()
        views = apply_policy(case.targets, pair.policy, pair.receiver)
        lines = view_lines(views, pair.schema)
        sent = [sealing.seal(line.encode(), key, about) for line in lines]
        opened = pd.Series([sealing.unseal(part, key, about).decode() for part in sent])
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        codes = case.encode(case.targets)
        case.read(codes)
        n, coded = len(lines), time.perf_counter() - began
        attack = "remedy: rule and cipher"
        return [
            *case.reading(attack, Setting(), opened),
            *_costs(attack, sum(map(len, sent)) / n, 1000 * seconds / n),
            *_costs("remedy: whole codes", codes.nbytes / n, 1000 * coded / n),
        ]


def _costs(attack: str, size: float, time_taken: float) -> list[Finding]:
    """Figures that aren't an attack's: nothing is to be held against them."""
    return [
        Finding(attack, Setting(), measure, value, value, value, value, value)
        for measure, value in ((BYTES, size), (TIME, time_taken))
    ]

"""What might help, measured in what it costs the receiver and in what an attacker still gets.

A blind pair (`aalprivacy.recipe.Recipe.blind`) and a sealed file (`aalprivacy.sealing`) are two
more; the first is audited as any pair is, the second is a cipher.
"""

from dataclasses import dataclass, replace

import numpy as np

from aalprivacy.audit.insider import Insider
from aalprivacy.audit.measure import Case, Finding, Setting
from aalprivacy.codes import NUMBER_TYPES, restored, rounded


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
            lines = sent.read(sent.codes)
            findings += sent.reading("remedy: noise, receiver reads", setting, lines)
            findings += [
                replace(
                    f,
                    attack="remedy: noise, linear probe",
                    setting=replace(setting, known=f.setting.known),
                )
                for f in probe.run(sent)
            ]
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

"""What a person sees: every figure, one function each, returning a matplotlib `Figure`."""

from aalprivacy.plotting.data import distributions
from aalprivacy.plotting.diagrams import architecture, encoder_decoder, lstm_cell, operations
from aalprivacy.plotting.results import (
    aligned,
    attack_curve,
    attribute_errors,
    code_map,
    code_strip,
    comparison,
    error_anatomy,
    error_distribution,
    hidden_values,
    hits_and_chance,
    learning_curve,
    marked,
    mismatch_matrix,
    noise_tradeoff,
    single_errors,
    unit_activity,
    view_errors,
    view_table,
)
from aalprivacy.plotting.style import write_figure

__all__ = [
    "aligned",
    "architecture",
    "attack_curve",
    "attribute_errors",
    "code_map",
    "code_strip",
    "comparison",
    "distributions",
    "encoder_decoder",
    "error_anatomy",
    "error_distribution",
    "hidden_values",
    "hits_and_chance",
    "learning_curve",
    "lstm_cell",
    "marked",
    "mismatch_matrix",
    "noise_tradeoff",
    "operations",
    "single_errors",
    "unit_activity",
    "view_errors",
    "view_table",
    "write_figure",
]

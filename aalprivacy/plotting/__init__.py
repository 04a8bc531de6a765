"""Every figure, and every table for a page: one function for each.

Figures are of the class `Drawing`, a matplotlib `Figure` with an alternative text.
"""

from aalprivacy.plotting.attacks import (
    attack_curve,
    hidden_values,
    hits_and_chance,
    mismatch_matrix,
    noise_tradeoff,
)
from aalprivacy.plotting.data import distributions, view_table
from aalprivacy.plotting.diagrams import architecture, encoder_decoder, lstm_cell, operations
from aalprivacy.plotting.errors import (
    against_length,
    attribute_errors,
    code_sizes,
    comparison,
    error_anatomy,
    error_distribution,
    errors_by_updates,
    ingredients,
    learning_curve,
    learning_curves,
    side_by_side,
    single_errors,
    view_errors,
)
from aalprivacy.plotting.html import Html, aligned, differences, marked, table, view_page
from aalprivacy.plotting.inside import code_map, code_strip, memories, unit_activity
from aalprivacy.plotting.style import Drawing, write_figure

__all__ = [
    "Drawing",
    "Html",
    "against_length",
    "aligned",
    "architecture",
    "attack_curve",
    "attribute_errors",
    "code_map",
    "code_sizes",
    "code_strip",
    "comparison",
    "differences",
    "distributions",
    "encoder_decoder",
    "error_anatomy",
    "error_distribution",
    "errors_by_updates",
    "hidden_values",
    "hits_and_chance",
    "ingredients",
    "learning_curve",
    "learning_curves",
    "lstm_cell",
    "marked",
    "memories",
    "mismatch_matrix",
    "noise_tradeoff",
    "operations",
    "side_by_side",
    "single_errors",
    "table",
    "unit_activity",
    "view_errors",
    "view_page",
    "view_table",
    "write_figure",
]

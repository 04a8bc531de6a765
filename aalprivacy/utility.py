"""How useful a view is: how well standard models predict an outcome from it.

Models of scikit-learn are trained on each view and predict the same outcome, as it is in the
entries. So views can be compared with each other and with the entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from aalprivacy.attributes import DELETED, MISSING
from aalprivacy.errors import InputError

FOLDS = 5
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
RARE = 10  # values that fewer people have are grouped together


@dataclass(frozen=True)
class Utility:
    """How well an outcome is predicted from a view.

    Parameters
    ----------
    auc
        Area under the ROC curve on people held out: 0.5 is a coin, 1 is always right. If the
        outcome has more than two values, the mean over one value against the rest.
    low, high
        Its 95 % interval, by DeLong et al. (1988).
    people
        How many people have a known outcome.
    """

    auc: float
    low: float
    high: float
    people: int


def features(view: pd.DataFrame) -> pd.DataFrame:
    """A view as input of a model: columns of numbers stay numbers, others become categories.

    Two numbers in one value, as in a range or a blood pressure, become two columns. Deleted columns
    are left out. So are columns such as names, in which half of the people have different values:
    they hold nothing general.
    """
    columns = {}
    for name in view.columns:
        column = view[name].mask(view[name] == MISSING)
        distinct = column.dropna().unique()
        if len(distinct) < 2 or DELETED in distinct:
            continue
        numbers = column.str.extract(rf"^(-?{NUMBER})(?:-({NUMBER}))?$").astype(float)
        if numbers[0].notna().sum() == column.notna().sum():
            columns[name] = numbers[0]
            if numbers[1].notna().any():
                columns[f"{name} 2"] = numbers[1]
        elif len(distinct) < column.notna().sum() / 2:
            columns[name] = column.astype("category")
    return pd.DataFrame(columns, index=view.index)


def utility(
    view: pd.DataFrame, outcome: pd.Series, *, without: Sequence[str] = (), seed: int = 0
) -> dict[str, Utility]:
    """Predict an outcome from a view, by cross-validation.

    Parameters
    ----------
    view
        One row a person, text.
    outcome
        What is to be predicted, with the view's index; people without it are left out.
    without
        Attributes that models must not use: the outcome, and others that would reveal it.
    seed
        Seed of the folds and the models.

    Returns
    -------
    dict of name of model -> how well it predicts: a linear model (logistic regression) and one of
    trees (gradient boosting).

    Raises
    ------
    InputError
        If the outcome has fewer than two values, or a value that fewer than `FOLDS` people have.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    known = outcome[outcome != MISSING]
    fewest = known.value_counts().min() if len(known) else 0
    if known.nunique() < 2 or fewest < FOLDS:
        raise InputError(
            f"outcome {outcome.name}: expected at least two values, each of {FOLDS} people or more"
        )
    table = features(view.loc[known.index].drop(columns=[n for n in without if n in view]))
    codes, values = pd.factorize(known, sort=True)
    if table.empty:  # everything is deleted: a model can only guess
        nothing = Utility(0.5, 0.5, 0.5, len(known))
        return dict.fromkeys(("linear", "trees"), nothing)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = {}
    # One thread: with such small tables, several threads wait for each other most of the time.
    with threadpool_limits(1):
        for name, model in _models(table, seed).items():
            chances = cross_val_predict(model, table, codes, cv=folds, method="predict_proba")
            found[name] = _scored(codes, chances, len(values))
    return found


def _models(table: pd.DataFrame, seed: int) -> dict:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    numeric = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    rare = {"min_frequency": RARE}
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", **rare)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, **rare)
    # The transformer puts the numbers first.
    categories = sorted(not pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes)
    return {
        "linear": make_pipeline(
            make_column_transformer((numeric, numbers), (one_hot, others)),
            LogisticRegression(max_iter=1000),
        ),
        "trees": make_pipeline(
            make_column_transformer(("passthrough", numbers), (ordinal, others)),
            HistGradientBoostingClassifier(
                max_iter=40, learning_rate=0.15, max_leaf_nodes=15, random_state=seed,
                categorical_features=categories,
            ),
        ),
    }  # fmt: skip


def _scored(codes: np.ndarray, chances: np.ndarray, values: int) -> Utility:
    areas, errors = np.transpose(
        [_area(chances[codes == v, v], chances[codes != v, v]) for v in range(values)]
    )
    # With two values both areas are the same. With several, the mean error is the worst case: the
    # errors may be fully correlated.
    area, half = areas.mean(), stats.norm.ppf(0.975) * errors.mean()
    return Utility(float(area), float(max(area - half, 0)), float(min(area + half, 1)), len(codes))


def _area(those: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve and its standard error (DeLong et al. 1988)."""
    ranks = stats.rankdata(np.concatenate([those, others]))
    above = (ranks[: len(those)] - stats.rankdata(those)) / len(others)
    below = 1 - (ranks[len(those) :] - stats.rankdata(others)) / len(those)
    variance = above.var(ddof=1) / len(those) + below.var(ddof=1) / len(others)
    return float(above.mean()), float(np.sqrt(variance))

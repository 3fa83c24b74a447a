"""The classes and functions of libraries that may come back by name: a fixed list.

A class is listed if an instance is nothing but its attributes, and if no native
code relies on them unchecked: so no trees, forests or support vectors, whose
fitted arrays are indexes into memory. A function is listed if it computes
and does nothing else.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

CLASSES: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "types": "SimpleNamespace",
        "argparse": "Namespace",
        "collections": "OrderedDict Counter defaultdict deque UserDict UserList UserString "
        "ChainMap",
        "string": "Template",
        "statistics": "NormalDist",
        "torch.amp.grad_scaler": "GradScaler",
        "torch.cuda.amp.grad_scaler": "GradScaler",
        "torch.utils.data.dataset": "TensorDataset Subset ConcatDataset",
        "torch.utils.data.dataloader": "DataLoader",
        "torch.utils.data.sampler": "RandomSampler SequentialSampler BatchSampler "
        "SubsetRandomSampler WeightedRandomSampler",
        "sklearn.linear_model._base": "LinearRegression",
        "sklearn.linear_model._ridge": "Ridge RidgeClassifier RidgeCV RidgeClassifierCV",
        "sklearn.linear_model._coordinate_descent": "Lasso ElasticNet LassoCV ElasticNetCV",
        "sklearn.linear_model._logistic": "LogisticRegression LogisticRegressionCV",
        "sklearn.linear_model._bayes": "BayesianRidge ARDRegression",
        "sklearn.linear_model._huber": "HuberRegressor",
        "sklearn.linear_model._perceptron": "Perceptron",
        "sklearn.preprocessing._data": "StandardScaler MinMaxScaler RobustScaler MaxAbsScaler "
        "Normalizer Binarizer PowerTransformer QuantileTransformer",
        "sklearn.preprocessing._encoders": "OneHotEncoder OrdinalEncoder",
        "sklearn.preprocessing._label": "LabelEncoder LabelBinarizer MultiLabelBinarizer",
        "sklearn.preprocessing._polynomial": "PolynomialFeatures",
        "sklearn.preprocessing._function_transformer": "FunctionTransformer",
        "sklearn.decomposition._pca": "PCA",
        "sklearn.decomposition._truncated_svd": "TruncatedSVD",
        "sklearn.pipeline": "Pipeline FeatureUnion",
        "sklearn.compose._column_transformer": "ColumnTransformer",
        "sklearn.compose._target": "TransformedTargetRegressor",
        "sklearn.impute._base": "SimpleImputer MissingIndicator",
        "sklearn.naive_bayes": "GaussianNB MultinomialNB BernoulliNB ComplementNB",
        "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        "sklearn.dummy": "DummyClassifier DummyRegressor",
        "sklearn.mixture._gaussian_mixture": "GaussianMixture",
        "sklearn.model_selection._split": "KFold StratifiedKFold ShuffleSplit GroupKFold "
        "TimeSeriesSplit RepeatedKFold StratifiedShuffleSplit LeaveOneOut",
        "sklearn.utils._bunch": "Bunch",
        "sklearn.utils._tags": "Tags InputTags TargetTags ClassifierTags RegressorTags",
    }.items()
}
_WHOLE_MODULES = (
    (re.compile(r"torch\.nn\.modules\.\w+"), "torch.nn"),
    (re.compile(r"torch\.optim\.\w+"), "torch.optim"),
)
"""Modules all of whose classes are listed, and what to import for them."""

ENUMS = {"torch.amp.grad_scaler": frozenset({"OptState"})}

_PLAIN_BUILTINS = (
    "abs all any ascii bin bool bytearray bytes chr complex dict divmod enumerate float frozenset "
    "hash hex int isinstance issubclass len list map max min oct ord pow range repr reversed round "
    "set slice sorted str sum tuple zip object callable filter id"
)
_NUMPY = (
    "abs absolute all any amax amin argmax argmin argsort array asarray average ceil clip "
    "concatenate corrcoef cos cosh cov cumprod cumsum diff divide dot exp expm1 floor full hypot "
    "isfinite isinf isnan linspace log log10 log1p log2 max maximum mean median min minimum "
    "multiply nanmax nanmean nanmedian nanmin nanstd nansum nanvar negative ones percentile power "
    "prod ptp quantile rint round sign sin sinh sort sqrt square stack std subtract sum tan tanh "
    "unique var where zeros add"
)
_FUNCTIONAL = (
    "relu gelu silu elu selu celu leaky_relu tanh sigmoid softmax log_softmax softplus mish "
    "hardtanh relu6 logsigmoid hardswish hardsigmoid cross_entropy mse_loss l1_loss nll_loss "
    "smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits kl_div "
    "cosine_similarity normalize dropout"
)
FUNCTIONS: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "builtins": _PLAIN_BUILTINS,
        "math": "sqrt exp log log2 log10 sin cos tan tanh floor ceil fabs pow hypot atan2",
        "operator": "add sub mul truediv floordiv mod neg pos eq ne lt le gt ge and_ or_ xor "
        "not_ pow matmul contains",
        "numpy": _NUMPY,
        "torch": "relu sigmoid tanh softmax exp log sqrt abs sum mean max min square sin cos "
        "zeros ones zeros_like ones_like matmul",
        "torch.nn.functional": _FUNCTIONAL,
        "torch.utils.data._utils.collate": "default_collate default_convert",
        "torch.amp.grad_scaler": "_refresh_per_optimizer_state",
    }.items()
}


def class_listed(module: str, name: str) -> bool:
    """Say whether the class `name`, defined in `module`, is on the list."""
    if name in CLASSES.get(module, ()):
        return True
    return "." not in name and any(pattern.fullmatch(module) for pattern, _ in _WHOLE_MODULES)


def listed_class(module: str, name: str) -> type | None:
    """Return a listed class, importing its library; None if it is not there."""
    if not class_listed(module, name):
        return None
    roots = [root for pattern, root in _WHOLE_MODULES if pattern.fullmatch(module)]
    found = _attribute(module, roots[0] if roots else module, name)
    return found if issubclass(type(found), type) and found.__module__ == module else None


def listed_function(module: str, name: str) -> Any:
    """Return a listed function, importing its library; None if it is not listed or not there."""
    return _attribute(module, module, name) if name in FUNCTIONS.get(module, ()) else None


def function_name(function: Any) -> tuple[str, str] | None:
    """Return where a function stands on the list, None if it does not."""
    name = getattr(function, "__name__", "")
    for module, names in FUNCTIONS.items():
        if name in names and vars(sys.modules.get(module, re)).get(name) is function:
            return module, name
    return None


def listed_enum(module: str, name: str) -> type | None:
    """Return a listed enumeration."""
    return _attribute(module, module, name) if name in ENUMS.get(module, ()) else None


def _attribute(module: str, root: str, name: str) -> Any:
    """Import `root`, which is a constant of this file, and look `name` up in `module`."""
    try:
        import_module(root)
    except ImportError:
        return None
    loaded = sys.modules.get(module)
    return None if loaded is None else vars(loaded).get(name)

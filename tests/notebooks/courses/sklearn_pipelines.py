# %% [markdown]
# # scikit-learn: pipelines, validation and a small search

# %%
import numpy as np
import pandas as pd
from sklearn import set_config
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import train_test_split

set_config(display="text")
X, y = make_classification(
    n_samples=300, n_features=8, n_informative=4, flip_y=0.05, random_state=3
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1, stratify=y)
X_train.shape, np.bincount(y_test)

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression())
model

# %%
model.fit(X_train, y_train)
print(round(model.score(X_test, y_test), 3))

# %%
scaler, regression = model[0], model[-1]
print(scaler.mean_.round(2), regression.coef_.round(2))
regression.coef_[0, 0] = 0
round(model.score(X_test, y_test), 3)

# %%
from sklearn.model_selection import GridSearchCV, cross_val_score

scores = cross_val_score(model, X_train, y_train, cv=5)
scores.round(3)

# %%
search = GridSearchCV(model, {"logisticregression__C": [0.01, 0.1, 1, 10]}, cv=3)
search.fit(X_train, y_train)
pd.DataFrame(search.cv_results_)[["param_logisticregression__C", "rank_test_score"]]

# %%
best = search.best_estimator_
print(search.best_params_, best is model, round(best.score(X_test, y_test), 3))

# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import classification_report, confusion_matrix

forest = RandomForestClassifier(20, random_state=0).fit(X_train, y_train)
guess = forest.predict(X_test)
confusion_matrix(y_test, guess)

# %%
print(classification_report(y_test, guess))
forest.feature_importances_.round(3)

# %%
from sklearn.base import BaseEstimator, TransformerMixin


class Clip(BaseEstimator, TransformerMixin):
    def __init__(self, limit=2.0):
        self.limit = limit

    def fit(self, X, y=None):
        self.seen_ = len(X)
        return self

    def transform(self, X):
        return np.clip(X, -self.limit, self.limit)


clipped = make_pipeline(StandardScaler(), Clip(1.0), LogisticRegression())
clipped.fit(X_train, y_train)
clipped.named_steps["clip"]

# %%
clipped.set_params(clip__limit=0.5).fit(X_train, y_train)
print(clipped[1].seen_, clipped[1].limit, round(clipped.score(X_test, y_test), 3))

# %%
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

flat = PCA(2, random_state=0).fit_transform(X)
groups = KMeans(3, n_init=3, random_state=0).fit(flat)
sorted(np.bincount(groups.labels_))

# %%
import matplotlib.pyplot as plt

plt.scatter(*flat.T, c=groups.labels_, s=8)
plt.scatter(*groups.cluster_centers_.T, marker="x", c="k");

# %%
Xr, yr = make_regression(120, 3, noise=5, random_state=0)
from sklearn.linear_model import Lasso, Ridge

models = {"ridge": Ridge(), "lasso": Lasso(alpha=0.5)}
for name, one in models.items():
    one.fit(Xr, yr)
{name: one.coef_.round(1).tolist() for name, one in models.items()}

# %%
from sklearn.exceptions import NotFittedError

try:
    Ridge().predict(Xr)
except NotFittedError as error:
    print(type(error).__name__, "raised")
Ridge(alpha="much").fit(Xr, yr)

# %%
set_config(display="diagram")
models["ridge"]

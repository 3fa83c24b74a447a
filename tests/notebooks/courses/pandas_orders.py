# %% [markdown]
# # Cleaning, grouping and joining a table of orders

# %%
import numpy as np
import pandas as pd

pd.set_option("display.max_rows", 8)
rng = np.random.default_rng(7)
n = 200
orders = pd.DataFrame(
    {
        "order": np.arange(1000, 1000 + n),
        "customer": rng.choice(["ann", "Bob ", "carl", "DORA", None], n),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 120, n), unit="D"),
        "amount": rng.gamma(2.0, 30.0, n).round(2),
        "state": rng.choice(["paid", "open", "returned"], n, p=[0.7, 0.2, 0.1]),
    }
)
orders.loc[rng.choice(n, 12, replace=False), "amount"] = np.nan
orders.head()

# %%
orders.info()

# %%
clean = orders.copy()
clean["customer"] = clean["customer"].str.strip().str.title()
clean["amount"] = clean["amount"].fillna(clean["amount"].median())
clean["state"] = clean["state"].astype("category")
print(orders["amount"].isna().sum(), clean["amount"].isna().sum())
clean.dtypes

# %%
clean = clean.dropna(subset=["customer"]).set_index("order").sort_index()
clean

# %%
by_customer = clean.groupby("customer")
by_customer["amount"].agg(["count", "mean", "max"]).round(2)

# %%
share = by_customer["amount"].transform("sum") / clean["amount"].sum()
clean["share"] = share
clean[["customer", "share"]].drop_duplicates().reset_index(drop=True)

# %%
clean.loc[clean["amount"] > 150, "state"] = "open"
print(clean["state"].value_counts())
print(clean.state.cat.categories)

# %%
customers = pd.DataFrame(
    {"customer": ["Ann", "Bob", "Carl", "Eve"], "city": ["Ulm", "Bonn", "Jena", "Kiel"]}
)
joined = clean.reset_index().merge(customers, on="customer", how="outer", indicator=True)
joined["_merge"].value_counts()

# %%
table = joined.pivot_table(
    values="amount", index="city", columns="state", aggfunc="sum", observed=False, margins=True
)
table.round(1)

# %%
def band(amount):
    return pd.cut(amount, bins=edges, labels=["small", "medium", "large"])


edges = [0, 30, 90, np.inf]
joined["band"] = band(joined["amount"])
pd.crosstab(joined["city"], joined["band"])

# %%
daily = clean.set_index("day")["amount"].resample("W").sum()
daily.rolling(3).mean().tail()

# %%
monthly = daily.groupby(daily.index.to_period("M")).agg(["sum", "size"])
print(monthly)
daily.index = daily.index.tz_localize("UTC").tz_convert("Asia/Tokyo")
daily.head(3)

# %%
wide = table.drop(index="All").stack().rename("amount").reset_index()
wide.query("amount > 500").sort_values("amount", ascending=False)

# %%
long = pd.melt(customers, id_vars="customer")
long.to_csv("customers.csv", index=False)
print(open("customers.csv").read())

# %%
back = pd.read_csv("customers.csv")
print(back.equals(long), back.memory_usage(deep=False).sum() > 0)
back.style.hide(axis="index").to_html().count("<td")

# %%
try:
    clean.loc[5]
except KeyError as error:
    print("no order", error)
clean["nope"]

# %%
notes = pd.Series({"a": [1, 2], "b": [3]}, dtype=object)
inner = notes["a"]
inner.append(99)
notes

# %%
inner.clear()
pd.options.display.max_rows, notes["a"], len(clean)

# %%
clean.describe(include="all").T

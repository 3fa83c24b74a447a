# %% [markdown]
# # NumPy: arrays, views and broadcasting

# %%
import numpy as np

np.set_printoptions(precision=4, suppress=True)
a = np.arange(24).reshape(4, 6)
a

# %%
row = a[1]
column = a[:, 2]
corner = a[::2, ::3]
print(row.base is column.base, np.shares_memory(row, corner), corner.flags.owndata)
print(a.strides, column.strides, corner.strides)

# %%
row[:] = -1
column *= 10
corner

# %%
a[0, 0] = 99
print(corner[0, 0], row, column)
print(a)

# %%
flat = a.ravel()
copied = a.flatten()
flat[1] = 1000
print(a[0, 1], copied[1], np.shares_memory(flat, a), a.base is not None)

# %%
x = np.linspace(0, 1, 5)
y = np.linspace(0, 2, 4)[:, np.newaxis]
grid = np.sin(x) + y**2
print(grid.shape)
grid.round(3)

# %%
centred = grid - grid.mean(axis=0)
print(np.allclose(centred.mean(axis=0), 0), centred.std(axis=1, keepdims=True).T)

# %%
try:
    x + np.ones(3)
except ValueError as error:
    print("ValueError:", error)

# %%
mask = a > 10
print(mask.sum(), a[mask])
a[mask] = 0
np.where(mask)

# %%
rng = np.random.default_rng(42)
sample = rng.normal(size=(3, 4))
sample

# %%
order = sample[:, 0].argsort()
print(order, rng.integers(0, 100, 5))
sample[order]

# %%
kind = np.dtype([("name", "U10"), ("age", "i4"), ("weight", "f8")])
people = np.zeros(3, dtype=kind)
people["name"] = ["Ada", "Grace", "Emmy"]
people["age"] = [36, 85, 53]
ages = people["age"]
people

# %%
ages += 1
records = people.view(np.recarray)
print(people["age"], records.name, records[1])

# %%
m = np.matrix([[1, 2], [3, 4]])
masked = np.ma.masked_invalid([1.0, np.nan, 3.0])
print(m * m, masked.mean(), masked)
when = np.array(["2024-01-01", "2024-02-29"], dtype="datetime64[D]")
when + np.timedelta64(1, "D")

# %%
masked[0] = np.ma.masked
big = np.zeros((300, 300))
big[10:20, 5] = 7
window = big[5:25, :10]
print(masked, big.sum(), window.shape)

# %%
window[window == 7] = 1
total = big.sum()
np.einsum("ij->j", big)[:8], total

# %%
u, s, vt = np.linalg.svd(grid, full_matrices=False)
print(s)
assert np.allclose(u * s @ vt, grid)

# %%
np.vectorize(lambda v: f"{v:.1f}!")(grid[0])

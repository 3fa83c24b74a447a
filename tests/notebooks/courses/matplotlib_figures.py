# %% [markdown]
# # Figures: the state machine, objects, and figures kept in names

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(0, 2 * np.pi, 100)

# %%
plt.plot(x, np.sin(x), label="sine")
plt.plot(x, np.cos(x), "--", label="cosine")
plt.legend()
plt.title("state machine")
plt.show()

# %%
plt.figure(figsize=(4, 2))
plt.hist(np.random.default_rng(0).normal(size=500), bins=20, color="0.6")
plt.xlabel("value");

# %%
fig, ax = plt.subplots(figsize=(5, 3))
line, = ax.plot(x, np.sin(x))
ax.set_xlabel("angle")
print(len(ax.lines), fig.get_size_inches())

# %%
line.set_color("crimson")
ax.set_title("kept in a name")
fig

# %%
ax.plot(x, np.sin(2 * x), lw=0.5)
print(len(ax.lines), ax.get_title(), line.get_color())
fig

# %%
fig2, axes = plt.subplots(2, 2, figsize=(6, 4), sharex=True)
for k, one in enumerate(axes.flat, start=1):
    one.plot(x, x ** (k / 2))
    one.set_title(f"power {k / 2}")
fig2.tight_layout()

# %%
axes[0, 1].axhline(1, color="k")
axes[1, 0].annotate("here", (3, 3))
axes[0, 1].figure is fig2

# %%
fig2

# %%
plt.rcParams["lines.linewidth"] = 4
plt.rcParams["axes.grid"] = True
plt.plot(x, np.sin(x))

# %%
plt.plot(x, np.cos(x))
plt.gca().get_title(), plt.rcParams["lines.linewidth"]

# %%
plt.style.use("ggplot")
plt.bar(["a", "b", "c"], [3, 1, 2])
plt.ylabel("count")

# %%
with plt.style.context("dark_background"):
    plt.scatter(x[::5], np.cos(x[::5]), c=x[::5], cmap="viridis")
    plt.colorbar()

# %%
image = np.outer(np.sin(x), np.cos(x))
plt.imshow(image, cmap="RdBu")
plt.axis("off")
plt.show()
print(plt.get_fignums())

# %%
def curve(values, **options):
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot(values, **options)
    return figure, axis


f3, a3 = curve(x**2, color="green")
plt.close(f3)
print(a3.get_xlim())

# %%
a3.set_yscale("log")
f3.savefig("curve.png", dpi=50)
f3

# %%
from matplotlib.patches import Circle

fig4 = plt.figure(figsize=(3, 3))
ax4 = fig4.add_subplot(projection="polar")
ax4.plot(x, np.abs(np.sin(3 * x)))
a3.add_patch(Circle((50, 20), 5))
len(a3.patches)

# %%
plt.rcdefaults()
plt.plot([1, 2, 3])
plt.rcParams["axes.grid"]

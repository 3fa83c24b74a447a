# %% [markdown]
# # Chance: three generators, one story

# %%
import random
import statistics

import numpy as np

random.seed(1)
np.random.seed(2)
rng = np.random.default_rng(3)

# %%
rolls = [random.randint(1, 6) for _ in range(1000)]
print(statistics.mean(rolls), statistics.pstdev(rolls))

# %%
walk = np.cumsum(np.random.choice([-1, 1], size=500))
walk[-5:], walk.max(), walk.argmax()

# %%
def estimate_pi(n):
    inside = (rng.random((n, 2)) ** 2).sum(axis=1) < 1
    return 4 * inside.mean()


estimate_pi(10_000)

# %%
estimate_pi(10_000), random.random(), np.random.rand()

# %%
deck = [s + v for s in "SHDC" for v in "A23456789TJQK"]
random.shuffle(deck)
hand, deck = deck[:5], deck[5:]
hand, len(deck)

# %%
state = random.getstate()
first = [random.gauss(0, 1) for _ in range(3)]
first

# %%
random.setstate(state)
[random.gauss(0, 1) for _ in range(3)] == first

# %%
children = rng.spawn(2)
[child.integers(0, 100, 4) for child in children]

# %%
[child.integers(0, 100, 4) for child in children], rng.random()

# %%
class Urn:
    drawn = 0

    def __init__(self, red, blue, chance=random):
        self.balls = ["red"] * red + ["blue"] * blue
        self.chance = chance

    def draw(self):
        Urn.drawn += 1
        return self.balls.pop(self.chance.randrange(len(self.balls)))


urn = Urn(3, 4)
[urn.draw() for _ in range(3)], Urn.drawn

# %%
print([urn.draw() for _ in range(2)], Urn.drawn, urn.balls)

# %%
own = random.Random(5)
urn2 = Urn(2, 2, own)
own.random(), urn2.draw()

# %%
own.random(), [urn2.draw() for _ in range(3)], Urn.drawn
urn2.draw()

# %%
from scipy import stats

sample = stats.norm(5, 2).rvs(200, random_state=np.random.RandomState(0))
stats.ttest_1samp(sample, 5)

# %%
boot = np.array([rng.choice(sample, len(sample)).mean() for _ in range(300)])
np.percentile(boot, [2.5, 50, 97.5]).round(3)

# %%
dist = stats.gamma(2.0, scale=3.0)
legacy = np.random.RandomState(9)
dist.rvs(3, random_state=legacy), dist.cdf(4)

# %%
legacy.rand(2), dist.rvs(2), random.sample(range(100), 4)

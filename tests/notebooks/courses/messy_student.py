# %% [markdown]
# # untitled7

# %%
# %matplotlib inline
import numpy as np
from math import *
x = 5
x

# %%
def f(n):
    return n * scale

f(3)

# %%
scale = 10
f(3)

# %%
_ + 1

# %%
list = [3, 1, 2]
list.sort()
list

# %%
list("abc")

# %%
del list
list("abc"), Out[4]

# %%
x = np.arange(5)
y = x
x += 1
print(x, y)
z = x[1:3]

# %%
x = [1, 2, 3
     ,4]
y[2] = 100
x, y, z

# %%
for i in range(3):
    total = i * 2
    last = x[i]
print(i, total, last)

# %%
data = {"a": 1}
data["b"]

# %%
data["b"] = data
data["c"] = y
data["b"]["a"] += 1
data["a"], data["b"] is data

# %%
# !mkdir -p stuff && echo "1,2,3" > stuff/a.csv
# !ls stuff
rows = open("stuff/a.csv").read()
rows

# %%
# files = !ls stuff
print(files, len(files))

# %%
class Thing:
    count = 0
    def __init__(self):
        Thing.count += 1

t1 = Thing()
t2 = Thing()
Thing.count

# %%
class Thing:
    count = 100
    def hello(self):
        return "hello"

isinstance(t1, Thing), Thing().hello(), t1.count

# %%
t1.hello()

# %%
t3 = Thing()
t3.count += 1
print(Thing.count, t3.count, type(t1) is type(t3), type(t1).__name__)

# %%
def f(n, seen=[]):
    seen.append(n)
    return seen

f(1)
f(2)

# %%
g = f
f = lambda q: q + len(g(0))
f(1), g(5)

# %%
global_counter = 0
def bump():
    global global_counter
    global_counter += 1
    if global_counter > 2:
        raise RuntimeError("too much")
    return global_counter

bump(); bump()

# %%
bump()

# %%
global_counter, bump.__name__

# %%
import matplotlib.pyplot as plt
plt.plot(y)
1/0

# %%
plt.plot(x)
sin(pi/2), e

# %%
e = "shadowed"
pi = 3
print(e, pi, sin(0))
undefined_thing

# %%
a = b = []
a.append(1)
b += [2]
print(a, b, a is b)
a = a + [3]
a, b

# %%
# %%time
c = sum(range(100))
print(c)

# %%
try:
    int("x")
except ValueError as e:
    message = str(e)
message

# %%
e

# %%
import warnings
warnings.warn("careful")
warnings.filterwarnings("ignore")
warnings.warn("nobody hears")
assert x == [1], "x is not it"

# %%
type(In).__name__, len(Out) > 0, __ is not None

# %%
import sys
print("to the error stream", file=sys.stderr)
it = iter(x)
next(it), next(it), x

# %%
x.__class__.__name__ + "!" ; 7

# %%
exec("hidden = 42")
eval("hidden + len(x)")

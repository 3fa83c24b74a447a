# %% [markdown]
# # Tensors and automatic differentiation

# %%
import numpy as np
import torch

torch.set_num_threads(1)
torch.manual_seed(0)
torch.set_printoptions(precision=3, sci_mode=False)
t = torch.arange(12, dtype=torch.float32).reshape(3, 4)
t

# %%
view = t[:, 1]
turned = t.T
view.mul_(10)
print(turned, turned.is_contiguous(), view.data_ptr() == t.data_ptr() + 4)

# %%
array = t.numpy()
array[0, 0] = -5
t[0], array.dtype, view

# %%
shared = torch.from_numpy(np.ones(3))
whole = shared.unsqueeze(0).expand(2, 3)
shared += 1
whole, whole.stride()

# %%
w = torch.randn(4, 2, requires_grad=True)
b = torch.zeros(2, requires_grad=True)
out = t @ w + b
loss = out.pow(2).mean()
loss.backward()
loss, w.grad, out.requires_grad

# %%
with torch.no_grad():
    w -= 0.001 * w.grad
w.grad.zero_()
print(w.is_leaf, w, w.grad.abs().sum())

# %%
def step():
    value = (t @ w + b).pow(2).mean()
    value.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.001 * p.grad
            p.grad = None
    return value.item()


[round(step(), 3) for _ in range(4)]

# %%
print(round(step(), 3), w.grad)

# %%
x = torch.tensor(2.0, requires_grad=True)
y = x**3 + 2 * x
(first,) = torch.autograd.grad(y, x, create_graph=True)
(second,) = torch.autograd.grad(first, x)
first.item(), second.item()

# %%
torch.set_default_dtype(torch.float64)
z = torch.rand(3)
z, torch.zeros(1).dtype

# %%
torch.set_default_dtype(torch.float32)
bits = (z > 0.5).to(torch.uint8)
print(z.dtype, bits, torch.get_default_dtype(), z.topk(2))

# %%
half = torch.ones(2, 2, dtype=torch.bfloat16)
empty = torch.empty(0, 3)
sparse = torch.eye(3).to_sparse()
half.sum(), empty.shape, sparse

# %%
sparse.to_dense() @ torch.ones(3), half.dtype, sparse.is_coalesced()

# %%
try:
    t @ torch.ones(3)
except RuntimeError as error:
    print(error)
t.view(5, 5)

# %%
saved = {"t": t, "view": view, "n": 3}
torch.save(saved, "tensors.pt")
loaded = torch.load("tensors.pt")
loaded["view"][0] = 0
loaded["t"][0], t[0], torch.allclose(saved["t"], t)

# %%
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        ctx.save_for_backward(value)
        return value * 2

    @staticmethod
    def backward(ctx, grad):
        (value,) = ctx.saved_tensors
        return grad * 2 + value * 0


leaf = torch.ones(2, requires_grad=True)
Double.apply(leaf).sum().backward()
leaf.grad

# %%
torch.rand(2), torch.randperm(5), Double.apply(leaf)

# %%
generator = torch.Generator().manual_seed(3)
torch.rand(2, generator=generator)

# %%
torch.rand(2, generator=generator), generator.initial_seed()

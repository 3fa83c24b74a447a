# %% [markdown]
# # A small network that sees: crosses and circles

# %%
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)
torch.set_num_threads(1)
rng = np.random.default_rng(1)


# %%
def draw(kind, size=12):
    image = rng.normal(0, 0.1, (size, size))
    c = rng.integers(4, size - 4, 2)
    r = np.hypot(*(np.indices((size, size)) - c[:, None, None]))
    if kind:
        image[np.abs(r - 3) < 0.7] += 1
    else:
        image[c[0], c[1] - 3 : c[1] + 4] += 1
        image[c[0] - 3 : c[0] + 4, c[1]] += 1
    return image


labels = rng.integers(0, 2, 120)
images = np.stack([draw(k) for k in labels])
images.shape, labels[:10], images.mean().round(4)

# %%
import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 4, figsize=(6, 2))
for axis, image, label in zip(axes, images, labels):
    axis.imshow(image, cmap="gray")
    axis.set_title(label)
    axis.axis("off")

# %%
x = torch.tensor(images, dtype=torch.float32)[:, None]
y = torch.tensor(labels)
x = (x - x.mean()) / x.std()
x.shape, y.dtype

# %%
class Seeing(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.two = nn.Conv2d(4, 8, 3)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        x = F.relu(self.norm(self.one(x)))
        x = F.max_pool2d(x, 2)
        x = F.relu(self.two(x)).mean(dim=(2, 3))
        return self.out(x)


net = Seeing()
net(x[:2])

# %%
optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
losses = []
for i in range(30):
    batch = torch.randint(0, 100, (25,))
    loss = F.cross_entropy(net(x[batch]), y[batch])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
print([round(v, 3) for v in losses[::6]])

# %%
net.eval()
with torch.no_grad():
    right = (net(x[100:]).argmax(1) == y[100:]).sum().item()
right, net.norm.num_batches_tracked, net.norm.running_mean

# %%
kernels = net.one.weight.detach()
fig2, axes2 = plt.subplots(1, 4, figsize=(5, 1.5))
for axis, kernel in zip(axes2, kernels):
    axis.imshow(kernel[0], cmap="RdBu")

# %%
kernels[0] = 0
print(net.one.weight[0].abs().sum().item(), net(x[:1]).argmax().item())

# %%
net.train()
loss = F.cross_entropy(net(x), y)
loss.backward()
print(round(loss.item(), 4), net.two.bias.grad.norm())
grads = {name: p.grad.abs().mean().item() for name, p in net.named_parameters()}
max(grads, key=grads.get)

# %%
for parameter in net.one.parameters():
    parameter.requires_grad_(False)
[name for name, p in net.named_parameters() if p.requires_grad], net.one.weight.grad is None

# %%
net.two.requires_grad, sum(p.requires_grad for p in net.parameters())

# %%
net.out = nn.Linear(8, 3)
net(x[:1]).shape, next(net.out.parameters()).shape

# %%
feature = nn.Sequential(*list(net.children())[:2])
feature[0] is net.one, feature(x[:1]).shape

# %%
state = net.state_dict()
state["out.bias"][:] = 7
net.out.bias, list(state)[-2:]

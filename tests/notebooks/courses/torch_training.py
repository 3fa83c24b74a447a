# %% [markdown]
# # A training loop, with a scheduler and a checkpoint

# %%
import copy

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(0)
torch.set_num_threads(1)
device = "cuda" if torch.cuda.is_available() else "cpu"


# %%
class Spirals(Dataset):
    def __init__(self, n=200):
        angle = torch.linspace(0, 6, n)
        self.y = torch.arange(n) % 2
        turn = angle + self.y * torch.pi
        self.x = torch.stack([angle * turn.cos(), angle * turn.sin()], 1)
        self.x += 0.1 * torch.randn(n, 2)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


data = Spirals()
train, test = random_split(data, [160, 40])
len(train), data[3]

# %%
loader = DataLoader(train, batch_size=32, shuffle=True)
x0, y0 = next(iter(loader))
x0.shape, y0[:8], x0[0]

# %%
class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Dropout(0.1))
        self.head = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.head(self.inner(x))


model = Net().to(device)
model

# %%
optimiser = torch.optim.AdamW(model.parameters(), lr=0.02)
scheduler = torch.optim.lr_scheduler.StepLR(optimiser, step_size=3, gamma=0.5)
criterion = nn.CrossEntropyLoss()
sum(p.numel() for p in model.parameters())

# %%
history = []


def epoch():
    model.train()
    total = 0.0
    for x, y in loader:
        optimiser.zero_grad()
        loss = criterion(model(x.to(device)), y.to(device))
        loss.backward()
        optimiser.step()
        total += loss.item() * len(y)
    scheduler.step()
    history.append(total / len(train))
    return history[-1]


for e in range(3):
    print(f"epoch {e}: {epoch():.4f}, lr {scheduler.get_last_lr()[0]}")

# %%
@torch.no_grad()
def accuracy(part):
    model.eval()
    x, y = map(torch.stack, zip(*[part[i] for i in range(len(part))]))
    return (model(x).argmax(1) == y).float().mean().item()


round(accuracy(test), 3), round(accuracy(train), 3)

# %%
checkpoint = {
    "model": copy.deepcopy(model.state_dict()),
    "optimiser": copy.deepcopy(optimiser.state_dict()),
    "random": torch.get_rng_state(),
    "epoch": len(history),
}
sorted(checkpoint)

# %%
ahead = [round(epoch(), 5) for _ in range(2)]
ahead

# %%
model.load_state_dict(checkpoint["model"])
optimiser.load_state_dict(checkpoint["optimiser"])
torch.set_rng_state(checkpoint["random"])
del history[checkpoint["epoch"]:]
scheduler.last_epoch = checkpoint["epoch"]
for group in optimiser.param_groups:
    print(group["lr"])

# %%
again = [round(epoch(), 5) for _ in range(2)]
print(again, again[0] == ahead[0], len(history))

# %%
weight = model.head.weight
with torch.no_grad():
    weight.zero_()
print(model.head.weight.abs().sum().item(), weight is model.head.weight)
round(accuracy(test), 2)

# %%
print(round(epoch(), 4), optimiser.param_groups[0]["params"][2] is weight)
weight.norm()

# %%
plt.figure(figsize=(4, 3))
plt.plot(history, marker="o")
plt.xlabel("epoch");

# %%
features = {}


def keep(module, inputs, output):
    features["last"] = output.detach()


handle = model.inner.register_forward_hook(keep)
model.eval()(data.x[:5]).shape, features["last"].shape

# %%
handle.remove()
features.clear()
model(data.x[:5])
features

# %%
bigger = Net(hidden=4)
bigger.load_state_dict(checkpoint["model"])

# %%
ema = torch.optim.swa_utils.AveragedModel(model)
ema.update_parameters(model)
print(ema.n_averaged, torch.equal(ema.module.head.weight, model.head.weight))

# %% [markdown]
# # A transformer that writes letters

# %%
import math

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(1337)
torch.set_num_threads(1)
text = "the cat sat on the mat. the dog sat on the log. " * 12
letters = sorted(set(text))
encode = {c: i for i, c in enumerate(letters)}.__getitem__
data = torch.tensor([encode(c) for c in text])
len(letters), data[:12]

# %%
class Config:
    block = 16
    width = 24
    heads = 3
    layers = 2


def batch(n=8):
    starts = torch.randint(len(data) - Config.block - 1, (n,))
    x = torch.stack([data[s : s + Config.block] for s in starts])
    y = torch.stack([data[s + 1 : s + Config.block + 1] for s in starts])
    return x, y


xb, yb = batch()
"".join(letters[i] for i in xb[0]), yb.shape

# %%
class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.join = nn.Linear(config.width, config.width)
        self.heads = config.heads
        mask = torch.tril(torch.ones(config.block, config.block))
        self.register_buffer("mask", mask)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (
            part.view(b, t, self.heads, -1).transpose(1, 2)
            for part in self.qkv(x).split(c, dim=2)
        )
        weights = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
        weights = weights.masked_fill(self.mask[:t, :t] == 0, float("-inf"))
        out = F.softmax(weights, -1) @ v
        return self.join(out.transpose(1, 2).reshape(b, t, c))


# %%
class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attend = Attention(config)
        self.think = nn.Sequential(
            nn.Linear(config.width, 4 * config.width), nn.GELU(),
            nn.Linear(4 * config.width, config.width),
        )
        self.n1, self.n2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)

    def forward(self, x):
        x = x + self.attend(self.n1(x))
        return x + self.think(self.n2(x))


class Writer(nn.Module):
    def __init__(self, config, letters):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(letters, config.width)
        self.place = nn.Embedding(config.block, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = nn.Linear(config.width, letters, bias=False)
        self.head.weight = self.token.weight

    def forward(self, x, y=None):
        h = self.token(x) + self.place(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        logits = self.head(h)
        loss = None if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
        return logits, loss


# %%
model = Writer(Config, len(letters))
print(sum(p.numel() for p in model.parameters()), model.head.weight is model.token.weight)
model(xb, yb)[1].item()

# %%
optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
warm = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (step + 1) / 10))


def train(steps):
    losses = []
    for _ in range(steps):
        logits, loss = model(*batch())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        warm.step()
        losses.append(round(loss.item(), 4))
    return losses


train(8)

# %%
log = train(30)
log[-3:], optimiser.param_groups[0]["lr"]

# %%
@torch.no_grad()
def write(start, n, temperature=1.0):
    model.eval()
    ids = torch.tensor([[encode(c) for c in start]])
    for _ in range(n):
        logits, _ = model(ids[:, -Config.block :])
        chances = F.softmax(logits[:, -1] / temperature, -1)
        ids = torch.cat([ids, torch.multinomial(chances, 1)], 1)
    model.train()
    return "".join(letters[i] for i in ids[0])


write("the ", 40)

# %%
for heat in (0.3, 1.0):
    print(heat, repr(write("the ", 30, heat)))

# %%
attention = {}


def look(module, args, out):
    attention["out"] = out.detach().norm(dim=-1)[0]


hook = model.blocks[0].attend.register_forward_hook(look)
model(xb[:1])
attention["out"].round(decimals=2)

# %%
hook.remove()
with torch.no_grad():
    model.token.weight[0] = 0
print(model.head.weight[0].abs().sum().item(), model.head.weight is model.token.weight)

# %%
Config.block = 8
train(3), batch()[0].shape

# %%
quiet = {k: v.clone() for k, v in model.state_dict().items() if "mask" not in k}
twin = Writer(Config, len(letters))
twin.load_state_dict(quiet, strict=False)

# %%
twin.blocks[1] = nn.Identity()
print(type(twin.blocks[1]).__name__, len(list(twin.parameters())))
twin(xb[:, :8])[0].shape

"""Torch: storages shared by views, modules with tied weights, optimisers and schedulers."""

from __future__ import annotations

from .family import Family, kind, lines

PRELUDE = """\
import torch
torch.manual_seed(0)
torch.set_default_dtype(torch.float32)
torch.set_grad_enabled(True)
torch.set_printoptions(profile='default')
class Net(torch.nn.Module):
    made = 0
    def __init__(self, tied=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))
        self.other = self.weight if tied else torch.nn.Parameter(torch.ones(3))
        self.register_buffer("steps", torch.zeros(1))
        self.notes = []
        Net.made += 1
    def forward(self, x):
        self.steps += 1
        return (self.weight * x + self.other).sum()
def step(net, opt):
    opt.zero_grad()
    loss = net(torch.ones(3))
    loss.backward()
    opt.step()
    return loss.item()
"""

TENSORS = Family(
    "tensors",
    PRELUDE,
    {
        "ten": kind(
            "Tensor Parameter",
            "(@.tolist(), @.dtype, tuple(@.shape), @.requires_grad, "
            "None if not @.is_leaf or @.grad is None else @.grad.tolist())",
        ),
        "net": kind(
            "Net",
            "(@.weight.tolist(), @.steps.item(), @.other is @.weight, type(@) is Net, "
            "@.training, Net.made, len(@.notes))",
        ),
        "opt": kind("SGD Adam", "(len(@.state), [g['lr'] for g in @.param_groups])"),
        "plan": kind("StepLR LambdaLR", "(@.last_epoch, @.get_last_lr())"),
        "seq": kind(
            "Sequential Linear",
            "([p.sum().item() for p in @.parameters()], @.training, list(@.state_dict()))",
        ),
        "gen": kind("Generator_", "0"),
    },
    lines("""
        $=ten = torch.arange(6.)
        $=ten = torch.rand(4)
        torch.manual_seed($n)
        $=ten = $ten[1:]
        $=ten = $ten.clone()
        $=arr = $ten.detach().numpy()
        $=ten = torch.from_numpy(np.array($arr, dtype='f4'))
        $=ten = torch.from_numpy($arr)
        $ten += 1
        $ten[0] = $n
        $=net = Net()
        $=net = Net(tied=True)
        $=opt = torch.optim.SGD($net.parameters(), lr=0.5, momentum=0.5)
        $=opt = torch.optim.Adam($net.parameters(), lr=0.25)
        print('loss', step($net, $opt))
        $=ten = $net.weight.detach()
        $=ten = $net.weight
        $=ten = $ten.t()
        $=ten = $ten.reshape(-1)[::2]
        $=ten = $ten.view(-1, 1)
        $=ten = $ten.expand(2, *$ten.shape)
        $=ten = $ten.double()
        $=ten = $ten.detach()
        $=ten = $ten.detach().clone().requires_grad_()
        $=ten = torch.zeros(0)
        $=ten = torch.tensor($n)
        $=ten = torch.tensor([True, False])
        $=ten = torch.eye(2, dtype=torch.bfloat16)
        $=ten = torch.nn.Parameter(torch.full((2,), $n.))
        $ten.sum().backward()
        $ten.grad.zero_()
        $ten.requires_grad_(False)
        $ten.add_($ten2)
        $ten.data.mul_(2)
        $ten.label = $list
        $arr[...] = 3
        with torch.no_grad(): $net.weight += 1
        with torch.no_grad(): $net.other.fill_($n)
        $net.weight = torch.nn.Parameter($ten.detach().float()[:3].clone())
        $net.other = $net.weight
        $net.notes.append($list)
        $net.eval()
        $net.train()
        $net.child = $seq
        $net.load_state_dict($net2.state_dict())
        for p in $net.parameters(): p.data.clamp_(max=5)
        $net.zero_grad()
        print('params', [(k, tuple(p.shape)) for k, p in $net.named_parameters()])
        print('net', $net(torch.ones(3)).item())
        $=plan = torch.optim.lr_scheduler.StepLR($opt, 1)
        $=plan = torch.optim.lr_scheduler.LambdaLR($opt, lambda e: 0.5 ** e)
        $opt.step(); $plan.step()
        $opt.param_groups[0]['lr'] = 0.1
        $=dict = $net.state_dict()
        $=dict = {'net': $net, 'opt': $opt}
        $=seq = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
        $=seq = torch.nn.Sequential($seq, $seq2)
        $=seq = torch.nn.Linear(2, 2)
        $seq.train(False)
        print('seq', $seq(torch.ones(2)).sum().item())
        $=ten = next($seq.parameters())
        $=list = list($net.parameters())
        $=tup = ($ten, $ten.detach())
        $=fn = lambda x: ($ten.detach().float() * x).sum().item()
        torch.set_default_dtype(torch.float64 if $n > 6 else torch.float32)
        torch.set_grad_enabled($n % 3 > 0)
        torch.set_printoptions(precision=$n % 4 + 1)
        print(torch.tensor([1 / 3]))
        print('dice', torch.rand(1).item(), torch.randperm(3).tolist())
        print('share', $ten.data_ptr() == $ten2.data_ptr())
        $=ten = torch.rand(2, generator=torch.Generator().manual_seed($n))
        class Net(Net):;;    def forward(self, x): return super().forward(x) * 2
        $=ten = torch.complex($ten.detach().float(), $ten.detach().float())
        $=ten = torch.stack([$ten, $ten])
    """),
    needs=("arrays",),
)

"""Muon (momentum orthogonalised by Newton-Schulz; K. Jordan et al. 2024) for the matrices of the blocks, AdamW for the rest."""
import torch


def orthogonalise(g, steps=5, precision=torch.bfloat16):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = (g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(precision)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(steps):
        y = x @ x.mT
        x = a * x + (b * y + c * y @ y) @ x
    return (x.mT if tall else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.01, precision=torch.bfloat16):
        self.precision = precision      # of the iteration: float32 is ten times faster on a CPU without bfloat16 arithmetic
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(tuple(p.shape), []).append(p)
            for shape, params in shapes.items():        # equal shapes are orthogonalised as one batch
                updates = [self._nesterov(p, group["momentum"]) for p in params]
                scale = group["lr"] * max(1, shape[0] / shape[1]) ** 0.5
                for p, u in zip(params, orthogonalise(torch.stack(updates), precision=self.precision)):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(u, alpha=-scale)

    def _nesterov(self, p, momentum):
        buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
        buffer.lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(buffer, momentum)


class MuonAdamW:
    """Both optimisers under one schedule factor."""

    def __init__(self, model, muon_lr=0.02, adam_lr=3e-3, precision=torch.bfloat16):
        named = list(model.named_parameters())
        inner = [p for n, p in named if p.ndim == 2 and not any(k in n for k in ("embed", "lm_head", "score"))]
        rest = [p for _, p in named if all(p is not q for q in inner)]
        self.peaks = [(Muon(inner, lr=muon_lr, precision=precision), muon_lr),
                      (torch.optim.AdamW(rest, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.05), adam_lr)]

    def step(self, factor):
        for optimiser, peak in self.peaks:
            for group in optimiser.param_groups:
                group["lr"] = peak * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

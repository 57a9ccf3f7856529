"""Trains a GenARM guide (arXiv 2410.08193): a LoRA adapter on a frozen base, an autoregressive reward model.

Loss:  -log sigmoid(beta_r * (sum_t log pi_r(y_w,t) - sum_t log pi_r(y_l,t))), reference-free and not normalised by length.

Tiny guides:  train_guide.py --attribute positive
Any HF base:  train_guide.py --base FOLDER --pairs pairs.jsonl --out FOLDER     rows {"messages"|"prompt", "chosen", "rejected"}
"""
import argparse
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import grammar as G
from common import TINY, as_batch, load_tokenizer, log, mixed_precision, set_up, token_logprobs, write_json

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SCORES = {"positive": lambda a: a["positivity"], "formal": lambda a: a["formality"], "concise": lambda a: -a["sentences"]}
SHARED_LATENTS = {"positive": (1, 2), "formal": (0, 2), "concise": (0, 1)}    # of (sentiment, register, length): equal within a pair
MIN_GAP = 0.3


# ---------------------------------------------------------------- preference pairs of the grammar
def draw_pair(rng, attribute):
    """Two answers of the grammar to one training prompt, ordered by the attribute's rule.  The other latents are shared, so that only
    the attribute tells the two apart: without equal lengths, the sums in the loss compare mostly length."""
    while True:
        prompt, meta = G.draw_prompt(rng, "talk")
        one, two = G.draw_latents(rng), G.draw_latents(rng)
        two = tuple(one[i] if i in SHARED_LATENTS[attribute] else two[i] for i in range(3))
        texts = [G.talk_answer(rng, meta, latents) for latents in (one, two)]
        scores = [SCORES[attribute](G.CHECKER.attributes(t)) for t in texts]
        if abs(scores[0] - scores[1]) >= MIN_GAP:
            first = scores[0] > scores[1]
            return {"prompt": prompt, "chosen": texts[not first], "rejected": texts[first]}


def file_pairs(path, rng):
    """-> (endless training pairs, held-out pairs): every tenth row is held out."""
    with open(path, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    train = [r for i, r in enumerate(rows) if i % 10]

    def stream():
        while True:
            rng.shuffle(train)
            yield from train
    return stream(), rows[::10]


def grammar_pairs(attribute, rng, n_eval=128):
    def stream():
        while True:
            yield draw_pair(rng, attribute)
    held = random.Random(31337)
    return stream(), [draw_pair(held, attribute) for _ in range(n_eval)]


def encode(tok, pair):
    """-> ((context, chosen), (context, rejected)) as token ids; answers end with the end-of-turn token."""
    messages = pair.get("messages") or [{"role": "user", "content": pair["prompt"]}]
    context = tok(tok.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), add_special_tokens=False)["input_ids"]
    return tuple((context, tok(pair[k], add_special_tokens=False)["input_ids"] + [tok.eos_token_id]) for k in ("chosen", "rejected"))


# ---------------------------------------------------------------- training
def reward_gap(model, pairs):
    """r(x, y_w) - r(x, y_l) with r(x, y) = sum_t log pi_r(y_t | x, y_<t)."""
    sums = token_logprobs(model, *as_batch([w for w, _ in pairs] + [l for _, l in pairs])).sum(1)
    return sums[:len(pairs)] - sums[len(pairs):]


@torch.no_grad()
def evaluate(model, pairs, beta, size):
    gaps = torch.cat([reward_gap(model, pairs[i:i + size]) for i in range(0, len(pairs), size)])
    return {"loss": round(-F.logsigmoid(beta * gaps).mean().item(), 4), "pair accuracy": round((gaps > 0).float().mean().item(), 3)}


def save_adapter(model, folder, base, dtype):
    model.save_pretrained(folder)
    path = os.path.join(folder, "adapter_model.safetensors")
    save_file({k: v.to(dtype).contiguous() for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)
    with open(os.path.join(folder, "adapter_config.json"), encoding="utf-8") as f:
        config = json.load(f)
    write_json(os.path.join(folder, "adapter_config.json"),
               {**config, "base_model_name_or_path": "../" + os.path.basename(os.path.normpath(base)), "target_modules": TARGETS, "inference_mode": True})
    if os.path.exists(os.path.join(folder, "README.md")):
        os.remove(os.path.join(folder, "README.md"))


def train(a):
    rng = set_up(a.seed, a.threads)
    tok = load_tokenizer(a.base)
    base = AutoModelForCausalLM.from_pretrained(a.base, dtype=torch.float32).requires_grad_(False)
    model = get_peft_model(base, LoraConfig(r=a.rank, lora_alpha=2 * a.rank, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules=TARGETS))
    lm, weights = model.base_model.model, [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=a.lr, betas=(0.9, 0.98), weight_decay=0.0)
    stream, held = file_pairs(a.pairs, rng) if a.pairs else grammar_pairs(a.attribute, rng)
    held = [encode(tok, p) for p in held[:a.eval]]
    log(a.attribute or a.pairs, "trainable", sum(p.numel() for p in weights), "start", evaluate(lm, held, a.beta, a.batch))
    t0, tokens = time.time(), 0
    for step in range(a.steps):
        pairs = [encode(tok, next(stream)) for _ in range(a.batch)]
        with mixed_precision():
            gaps = reward_gap(lm, pairs)
        loss = -F.logsigmoid(a.beta * gaps).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for group in optimiser.param_groups:
            group["lr"] = a.lr * min(1.0, (step + 1) / 20, (a.steps - step) / (0.6 * a.steps))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        tokens += sum(len(c) + len(y) for p in pairs for c, y in p)
        if step % 50 == 49 or a.steps < 50:
            log(f"step {step + 1} loss {loss.item():.3f}")
    log("end", evaluate(lm, held, a.beta, a.batch), dict(steps=a.steps, pairs=a.steps * a.batch, tokens=tokens, seconds=round(time.time() - t0)))
    save_adapter(model, a.out, a.base, torch.bfloat16)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--attribute", choices=sorted(SCORES))
    p.add_argument("--base", default=os.path.join(TINY, "base"))
    p.add_argument("--pairs", help="JSONL file of preference pairs instead of the grammar's")
    p.add_argument("--out")
    p.add_argument("--beta", type=float, default=0.2, help="beta_r of the loss")
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--lr", type=float, default=4e-3)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--steps", type=int, default=200)
    p.add_argument("--eval", type=int, default=128, help="held-out pairs measured before and after")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    if bool(a.attribute) == bool(a.pairs):
        p.error("give either --attribute or --pairs")
    a.out = a.out or os.path.join(TINY, a.attribute)
    train(a)

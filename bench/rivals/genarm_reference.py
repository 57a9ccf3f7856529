"""GenARM decoding as the papers' reference engine (model_arithmetic) does it: for every token one forward pass of each model with its K/V
cache, log-softmax over the whole vocabulary, a weighted sum divided by the weights' sum, log-softmax again, temperature, softmax, multinomial.

Reads questions as lines of JSON, {"prompts": [[id]], "new_tokens": n, "batched": bool}, and answers with times.
GenARM's scripts give that engine one prompt at a time; `batched` lets all prompts (of one length) share the forward passes, which the engine
can also do. Left out is what that engine does besides, such as its copies of the cache and its statistics: this is faster than it.

Usage: python genarm_reference.py BASE_FOLDER GUIDE_FOLDER THREADS [DTYPE]
"""

import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM


def load(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()


def law(logits, weights):
    """The engine's law of the next token at the temperature that gives the papers' formula, 1 / (sum of the weights)."""
    total = sum(weights)
    mixed = sum(w * torch.log_softmax(one, dim=-1).float() for w, one in zip(weights, logits))
    normalised = torch.log_softmax(mixed / total, dim=-1)
    return torch.softmax(normalised / (1 / total), dim=-1)


@torch.inference_mode()
def generate(models, weights, prompts, new_tokens):
    """Seconds of reading the prompts and of drawing `new_tokens` tokens behind each."""
    start = time.perf_counter()
    ids = torch.tensor(prompts)
    caches = [None] * len(models)
    first = None
    for _ in range(new_tokens):
        logits = []
        for m, model in enumerate(models):
            out = model(input_ids=ids, past_key_values=caches[m], use_cache=True, logits_to_keep=1)
            caches[m] = out.past_key_values
            logits.append(out.logits[:, -1])
        ids = torch.multinomial(law(logits, weights), 1)
        first = first or time.perf_counter()
    end = time.perf_counter()
    # one token fewer is drawn after the first: the rate is of `new_tokens` tokens all the same
    return end - start, (end - first) * new_tokens / (new_tokens - 1)


def answer(models, question):
    prompts, new_tokens = question["prompts"], question["new_tokens"]
    batches = [prompts] if question.get("batched") else [[prompt] for prompt in prompts]
    times = [generate(models, [1.0, 1.0], batch, new_tokens) for batch in batches]
    return {
        "seconds": sum(whole for whole, _ in times),
        "decode_seconds": sum(decode for _, decode in times),
        "tokens": len(prompts) * new_tokens,
    }


def say(message):
    print(json.dumps(message), flush=True)


def main():
    base, guide, threads, *rest = sys.argv[1:]
    dtype = rest[0] if rest else "float32"
    torch.set_num_threads(int(threads))
    models = [load(base, dtype), load(guide, dtype)]
    say({"ready": True, "version": f"torch {torch.__version__}, transformers {transformers.__version__}, {dtype}"})
    for line in sys.stdin:
        say(answer(models, json.loads(line)))


main()

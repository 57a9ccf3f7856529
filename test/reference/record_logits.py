"""Records what transformers computes from a checkpoint in fp32, for the engine to be compared with.

Usage: python test/reference/record_logits.py MODEL_FOLDER OUT [--adapter FOLDER] [--every 2]

Writes OUT.json and OUT.bin. For each of 20 prompts: 64 teacher-forced positions (the continuation is drawn from the model
itself) with the logits of 32 ids spread over the vocabulary, the 8 best ids with their logits, and the log-sum-exp; and the
greedy continuation of 48 tokens with its log-probabilities.

OUT.bin is zlib over int32 numbers stored as four byte planes (all lowest bytes first): ids as they are, logits in steps of
`step`. Order: prompt ids, forced ids, greedy ids, greedy log-probabilities, then per position 32 logits, 8 best ids, their
logits, log-sum-exp. The k-th of the 32 ids at the n-th position overall is (k * V // 32 + 37 * n) mod V.
"""

import argparse
import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import peft
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from prompts import token_prompts

torch.set_num_threads(1)
POSITIONS = 64
GREEDY = 48
SPREAD = 32
BEST = 8
STEP = 2e-5


def load(folder, adapter):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # rows of the output matrix beyond the tokenizer's ids are padding, which the engine leaves out
    size = min(model.config.vocab_size, max(tokenizer.get_vocab().values()) + 1)
    return model.eval(), tokenizer, size


@torch.no_grad()
def continue_from(model, prompt, count, size, choose):
    """Ids chosen one by one, and the logits they were chosen by."""
    out = model(torch.tensor([prompt]), use_cache=True)
    ids, rows = [], []
    for _ in range(count):
        row = out.logits[0, -1, :size]
        ids.append(choose(row))
        rows.append(row)
        if len(ids) < count:
            out = model(torch.tensor([[ids[-1]]]), past_key_values=out.past_key_values, use_cache=True)
    return ids, rows


@torch.no_grad()
def teacher_forced(model, prompt, forced, size):
    logits = model(torch.tensor([prompt + forced[:-1]])).logits[0]
    return logits[len(prompt) - 1 :, :size].double().numpy()


def log_sum_exp(row):
    top = row.max()
    return top + np.log(np.exp(row - top).sum())


def steps(values):
    return np.round(np.asarray(values) / STEP).astype(np.int32)


def position_record(row, n):
    size = len(row)
    spread = (np.arange(SPREAD) * size // SPREAD + 37 * n) % size
    best = np.argsort(-row, kind="stable")[:BEST]
    return [steps(row[spread]), best.astype(np.int32), steps(row[best]), steps([log_sum_exp(row)])]


def record(folder, out, adapter=None, every=1):
    model, tokenizer, size = load(folder, adapter)
    prompts = token_prompts(tokenizer, every)
    generator = torch.Generator().manual_seed(11)
    sample = lambda row: int(torch.multinomial(torch.softmax(row, -1), 1, generator=generator))
    forced = [continue_from(model, prompt, POSITIONS, size, sample)[0] for prompt in prompts]
    greedy, gap, greedy_logprobs = [], np.inf, []
    for prompt in prompts:
        ids, rows = continue_from(model, prompt, GREEDY, size, lambda row: int(row.argmax()))
        greedy.append(ids)
        for id, row in zip(ids, rows):
            best = torch.topk(row, 2).values.tolist()
            gap = min(gap, best[0] - best[1])
            greedy_logprobs.append(best[0] - log_sum_exp(row.double().numpy()))
    parts = [np.array(sum(ids, []), dtype=np.int32) for ids in (prompts, forced, greedy)] + [steps(greedy_logprobs)]
    n = 0
    for prompt, continuation in zip(prompts, forced):
        for row in teacher_forced(model, prompt, continuation, size):
            parts += position_record(row, n)
            n += 1
    write(out, parts, head(folder, adapter, tokenizer, size, prompts, greedy, gap))


def head(folder, adapter, tokenizer, size, prompts, greedy, gap):
    return {
        "vocabSize": size,
        "promptLengths": [len(prompt) for prompt in prompts],
        "positions": POSITIONS,
        "greedyTokens": GREEDY,
        "spread": SPREAD,
        "best": BEST,
        "step": STEP,
        "smallestGreedyGap": float(gap),
        "greedyTexts": [tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) for ids in greedy],
        "weightsSha256": weights_hash([folder] if adapter is None else [folder, adapter]),
        "madeWith": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    }


def weights_hash(folders):
    """Over the safetensors files in order of their names, base first."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(Path(folder).glob("*.safetensors")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def write(out, parts, head):
    numbers = np.concatenate(parts).astype("<i4")
    planes = numbers.view(np.uint8).reshape(-1, 4).T
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".bin").write_bytes(zlib.compress(planes.tobytes(), 9))
    out.with_suffix(".json").write_text(json.dumps(head, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th prompt only")
    arguments = parser.parse_args()
    record(arguments.model, arguments.out, arguments.adapter, arguments.every)


if __name__ == "__main__":
    main()

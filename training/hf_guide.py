"""Preference pairs for a concise guide of a real Hugging Face chat model, made by the model itself, and a before/after comparison.

  hf_guide.py pairs   --base FOLDER --out pairs.jsonl      sample one answer per prompt; chosen = its first sentence, rejected = more of it
  train_guide.py      --base FOLDER --pairs pairs.jsonl --out GUIDE --beta 0.05 ...
  hf_guide.py compare --base FOLDER --guide GUIDE --out compare.json
"""
import argparse
import json
import re
import time

import torch
from transformers import AutoModelForCausalLM

from common import load_tokenizer, log, sample, set_up, write_json
from evaluate import mean_and_half_width, show

TOPICS = ["photosynthesis", "gravity", "the moon", "rain", "a volcano", "electricity", "a computer", "the internet", "bread", "coffee",
          "a library", "music", "chess", "a bicycle", "the heart", "sleep", "exercise", "honey", "a desert", "the ocean", "money", "a bank",
          "history", "grammar", "a novel", "a battery", "glass", "paper", "a bridge", "a train", "soap", "salt", "sugar", "a garden", "bees",
          "a whale", "an eagle", "a cat", "a dog", "winter", "summer", "the sun", "a star", "a map", "a clock", "a camera", "a telephone",
          "paint", "poetry", "a theatre", "a museum", "cheese", "tea", "rice", "an apple", "a forest", "a river", "a mountain", "ice", "fire"]
ASK = ["What is {}?", "Tell me about {}.", "Why is {} important?", "Explain {} to a child."]


def prompts(held):
    """Every fourth topic is for the comparison, the others are for the pairs."""
    return [ask.format(t) for i, t in enumerate(TOPICS) for ask in ASK if (i % 4 == 3) == held]


def contexts(tok, texts):
    return [tok(tok.apply_chat_template([{"role": "user", "content": t}], tokenize=False, add_generation_prompt=True),
                add_special_tokens=False)["input_ids"] for t in texts]


def sentences(text):
    return [s for s in re.split(r"(?<=[.!?])\s+", text.strip()) if s]


def load(folder, guide=None):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    if guide:
        from peft import PeftModel
        model = PeftModel.from_pretrained(model.float(), guide).merge_and_unload().bfloat16()
    return model.eval()


def make_pairs(a):
    """Both answers of a pair are whole sentences of one sample, so only the length tells them apart."""
    tok, asked, rows = load_tokenizer(a.base), prompts(held=False), []
    t0 = time.time()
    answers, _ = sample([(load(a.base), 1.0)], contexts(tok, asked), seed=a.seed, max_new=64, size=45)
    for prompt, answer in zip(asked, answers):
        parts = sentences(tok.decode(answer, skip_special_tokens=True))
        if parts and parts[-1][-1] not in ".!?":
            parts.pop()                                       # cut by the token limit
        if len(parts) >= 2:
            rows.append({"prompt": prompt, "chosen": parts[0], "rejected": " ".join(parts[:3])})
    with open(a.out, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    log(len(rows), "pairs from", len(asked), "samples in", round(time.time() - t0), "s")


def compare(a):
    tok, asked = load_tokenizer(a.base), prompts(held=True)[:a.n]
    base, guide, result = load(a.base), load(a.base, a.guide), {}
    for name, policy in {"base": [(base, 1)], "control p^2": [(base, 2)], "guide 0.5": [(base, 1), (guide, 0.5)],
                         "guide 1": [(base, 1), (guide, 1)]}.items():
        answers, kl = sample(policy, contexts(tok, asked), seed=a.seed, max_new=a.max_new, size=60)
        texts = [tok.decode(x, skip_special_tokens=True) for x in answers]
        result[name] = {"tokens": mean_and_half_width([float(len(x)) for x in answers]),
                        "sentences": mean_and_half_width([float(len(sentences(t))) for t in texts]),
                        "cut at the limit": mean_and_half_width([float(len(x) >= a.max_new) for x in answers]),
                        "kl": mean_and_half_width(kl), "samples": [[q, t] for q, t in list(zip(asked, texts))[::10]]}
        log(name, {k: show(v) for k, v in result[name].items() if k != "samples"})
        for q, t in result[name]["samples"]:
            print("   ", q, "=>", t.replace("\n", " "))
    write_json(a.out, result)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices=["pairs", "compare"])
    p.add_argument("--base", required=True)
    p.add_argument("--guide")
    p.add_argument("--out", required=True)
    p.add_argument("--n", type=int, default=60, help="prompts of the comparison")
    p.add_argument("--max_new", type=int, default=100)
    p.add_argument("--seed", type=int, default=5)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    set_up(a.seed, a.threads)
    make_pairs(a) if a.command == "pairs" else compare(a)

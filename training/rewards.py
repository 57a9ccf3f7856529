"""Shared parts of the family's rewards: what they score, at which token, their folders, and sampled answers to learn from.

Text        the chat template applied to the conversation and the answer as the assistant's message, WITHOUT a generation prompt:
            `...<|im_start|>assistant\\n{answer}<|im_end|>\\n`.  A partial answer is closed in the same way.
sequence    (`sentiment`, `attributes`) the logits at the last token, the "\\n" after `<|im_end|>`.
steps       (`steps`) softmax(logits)[1] at every token "." of the answer: one score per written step, and one for "The answer is X.".
"""
import hashlib
import os
import random
import shutil

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForSequenceClassification, LlamaForTokenClassification

import grammar as G
from common import CONTEXT, END, PAD, TINY, chat, decode, encode_prompts, pad_right, sample, turn, write_json

LABELS = {"sentiment": ["sentiment"], "attributes": ["positivity", "conciseness", "formality"], "steps": ["wrong", "right"]}
CLASSES = {"sentiment": LlamaForSequenceClassification, "attributes": LlamaForSequenceClassification, "steps": LlamaForTokenClassification}
P_SYSTEM, P_EARLIER_TURN = 0.25, 0.06            # as in the base's conversations


# ---------------------------------------------------------------- what the rules say
def targets(text):
    """positivity and formality as the checker has them; conciseness is 1, .5, 0, -.5, -1 for 1 to 5 sentences (1 for none, -1 for more)."""
    a = G.CHECKER.attributes(text)
    return [a["positivity"], max(-1.0, min(1.0, (3 - a["sentences"]) / 2)), a["formality"]]


def sound_text(meta):
    """The one sound answer of a sum."""
    return G.sum_answer(None, meta, corrupt=False)


def sound_tokens(tokens, sound):
    """For each token of an answer: whether the answer up to and including it is a beginning of the sound one."""
    good = [a == b for a, b in zip(tokens, sound)] + [False] * max(0, len(tokens) - len(sound))
    wrong = good.index(False) if False in good else len(good)
    return [i < wrong for i in range(len(tokens))]


# ---------------------------------------------------------------- texts
def context(rng, prompt):
    """The conversation before the answer; now and then with a system message or an earlier turn, as the base has seen them."""
    text = chat(prompt)
    if rng.random() < P_EARLIER_TURN:
        first, meta = G.draw_prompt(rng, rng.choice(["talk", "sums"]))
        text = turn("user", first) + turn("assistant", G.draw_answer(rng, meta)) + text
    if rng.random() < P_SYSTEM:
        text = turn("system", G.system_message(rng)) + text
    return text


def closed(answer):
    return answer + "<|im_end|>\n"


def encode(tok, texts):
    return tok(texts, add_special_tokens=False)["input_ids"]


# ---------------------------------------------------------------- folders
def config(kind, vocabulary, hidden, layers, inter, heads, kv_heads):
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, intermediate_size=inter, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=32, max_position_embeddings=CONTEXT, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=None, eos_token_id=END, pad_token_id=PAD, classifier_dropout=0.0, num_labels=len(LABELS[kind]),
        id2label=dict(enumerate(LABELS[kind])), label2id={x: i for i, x in enumerate(LABELS[kind])})


def save_reward(model, kind, folder=None):
    """bfloat16 weights, config.json in the plain form that loaders of Llama read, and the base's tokenizer."""
    folder, c = folder or os.path.join(TINY, kind), model.config
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.safetensors")
    save_file({k: v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)
    kinds = {"sentiment": {}, "attributes": {"problem_type": "regression"}, "steps": {"classifier_dropout": 0.0}}[kind]
    write_json(os.path.join(folder, "config.json"), {
        "architectures": [CLASSES[kind].__name__], "model_type": "llama", "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size, "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim, "hidden_act": "silu", "rms_norm_eps": c.rms_norm_eps,
        "rope_theta": 10000.0, "max_position_embeddings": c.max_position_embeddings, "attention_bias": False, "mlp_bias": False,
        "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD, "num_labels": len(LABELS[kind]),
        "id2label": {str(i): x for i, x in enumerate(LABELS[kind])}, "label2id": {x: i for i, x in enumerate(LABELS[kind])}, **kinds,
        "torch_dtype": "bfloat16"})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(TINY, "base", name), os.path.join(folder, name))


def load_reward(kind, folder=None):
    """Weights as shipped (bfloat16 values), computed in float32."""
    return CLASSES[kind].from_pretrained(folder or os.path.join(TINY, kind), dtype=torch.float32).eval().requires_grad_(False)


# ---------------------------------------------------------------- scores
def sequence_logits(model, rows):
    """Logits at the last token of each row.  Padding on the right and causal attention: no mask is needed."""
    hidden = model.model(input_ids=pad_right(rows)).last_hidden_state
    return model.score(hidden[torch.arange(len(rows)), torch.tensor([len(r) - 1 for r in rows])])


@torch.no_grad()
def in_batches(function, rows, size=100):
    """function(list of rows) -> a list; applied to rows of similar length together."""
    out, order = [None] * len(rows), sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for i in range(0, len(order), size):
        part = order[i:i + size]
        for j, value in zip(part, function([rows[k] for k in part])):
            out[j] = value
    return out


def score_sequences(model, tok, prompts, answers):
    """-> one list of logits per answer (its labels' raw outputs)."""
    rows = encode(tok, [chat(p) + closed(a) for p, a in zip(prompts, answers)])
    return in_batches(lambda part: sequence_logits(model, part).tolist(), rows)


def score_steps(model, tok, prompts, answers):
    """-> per answer, the probability of "right" at each "." of the answer."""
    heads, rows = encode(tok, [chat(p) for p in prompts]), encode(tok, [chat(p) + closed(a) for p, a in zip(prompts, answers)])
    start = {tuple(r): len(h) for h, r in zip(heads, rows)}
    dot = encode(tok, ["."])[0][0]

    def judge(part):
        p = model.score(model.model(input_ids=pad_right(part)).last_hidden_state).softmax(-1)[..., 1]
        return [[p[i, j].item() for j in range(start[tuple(r)], len(r)) if r[j] == dot] for i, r in enumerate(part)]
    return in_batches(judge, rows)


# ---------------------------------------------------------------- sampled answers
def sampled_answers(models, tok, topic, prompts, each, seed, held=False):
    """[(prompt, meta, [answer, ...])]: `each` samples of the models together (their logits added, temperature 1) for so many prompts of one side of the split.

    Kept in the folder TRIMTAB_SAMPLES, when it is set, for the next run."""
    from common import log
    weights = [round(p.sum().item(), 3) for model in models for p in model.parameters()]
    name = hashlib.sha256(repr((topic, prompts, each, seed, held, weights)).encode()).hexdigest()[:16]
    folder = os.environ.get("TRIMTAB_SAMPLES")
    path = folder and os.path.join(folder, f"{topic}-{name}.pt")
    if path and os.path.exists(path):
        return torch.load(path, weights_only=True)
    rng = random.Random(seed)
    asked = [G.draw_prompt(rng, topic, held) for _ in range(prompts)]
    ids = [x for x in encode_prompts(tok, [p for p, _ in asked]) for _ in range(each)]
    found, _ = sample([(model, 1.0) for model in models], ids, seed=seed, max_new=60 if topic == "sums" else 110)
    texts = [decode(tok, y) for y in found]
    out = [(p, m, texts[i * each:(i + 1) * each]) for i, (p, m) in enumerate(asked)]
    log(f"sampled {len(texts)} answers ({topic}) from {len(models)} model{'s' * (len(models) > 1)}")
    if path:
        os.makedirs(folder, exist_ok=True)
        torch.save(out, path)
    return out


def auc(scores, labels):
    """Area under the ROC curve (ties count half)."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    rank, i = 0.0, 0
    positives = sum(labels)
    while i < len(order):
        j = i
        while j < len(order) and scores[order[j]] == scores[order[i]]:
            j += 1
        rank += sum(labels[k] for k in order[i:j]) * (i + 1 + j) / 2
        i = j
    return (rank - positives * (positives + 1) / 2) / (positives * (len(scores) - positives))

"""Shared parts: chat template, tokenizer, folders, batching, log-probabilities, and a sampler of joint policies."""
import contextlib
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.cache_utils import DynamicCache

import grammar as G

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = os.environ.get("TRIMTAB_TINY", os.path.join(HERE, "..", "models", "tiny"))
RESULTS = os.environ.get("TRIMTAB_RESULTS", os.path.join(HERE, "results"))
CONTEXT, PAD, END = 512, 0, 2           # <|endoftext|> pads, <|im_end|> ends a turn
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
                 "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def log(*values):
    print(time.strftime("%H:%M:%S"), *values, flush=True)


def set_up(seed, threads=1):
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    return random.Random(seed)


# ---------------------------------------------------------------- chat and tokenizer
def turn(role, content):
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def chat(prompt, system=None):
    """The prompt of one user turn, ready for the answer; equal to the chat template's output."""
    return (turn("system", system) if system else "") + turn("user", prompt) + "<|im_start|>assistant\n"


def train_tokenizer(vocabulary=1280, texts=12000, seed=7):
    """Byte-level BPE over the grammar's text; one token per digit, so that carries can be learned; every byte is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    rng = random.Random(seed)

    def corpus():
        for _ in range(texts):
            prompt, meta = G.draw_prompt(rng, "talk" if rng.random() < 0.8 else "sums")
            yield "user\n" + prompt
            yield "assistant\n" + G.draw_answer(rng, meta)
            yield "system\n" + G.system_message(rng)
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, show_progress=False,
                                                         initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tok


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, indent=2)
        f.write("\n")


def save_tokenizer(tok, folder):
    os.makedirs(folder, exist_ok=True)
    tok.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    special = {str(i): {"content": s, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
               for i, s in enumerate(SPECIAL)}
    write_json(os.path.join(folder, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": special, "bos_token": None, "eos_token": SPECIAL[END],
        "pad_token": SPECIAL[PAD], "unk_token": None, "model_max_length": CONTEXT, "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE})


def load_tokenizer(folder=None):
    return AutoTokenizer.from_pretrained(folder or os.path.join(TINY, "base"))


# ---------------------------------------------------------------- models and folders
def llama(vocabulary, hidden, layers, inter, heads, kv_heads):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, intermediate_size=inter, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=32, max_position_embeddings=CONTEXT, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=None, eos_token_id=END, pad_token_id=PAD))


def n_params(model):
    return sum(p.numel() for p in model.parameters())


def save_model(model, folder):
    """bfloat16 weights and a config.json in the plain form that every loader of Llama reads."""
    os.makedirs(folder, exist_ok=True)
    weights = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    c = model.config
    write_json(os.path.join(folder, "config.json"), {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size, "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim, "hidden_act": "silu", "rms_norm_eps": c.rms_norm_eps,
        "rope_theta": 10000.0, "max_position_embeddings": c.max_position_embeddings, "attention_bias": False, "mlp_bias": False,
        "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD, "torch_dtype": "bfloat16"})
    write_json(os.path.join(folder, "generation_config.json"), {"do_sample": True, "temperature": 1.0, "eos_token_id": END, "pad_token_id": PAD})


def load_model(folder, trainable=False):
    """Weights as shipped (bfloat16 values), computed in float32."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).train(trainable).requires_grad_(trainable)


def load_guide(name):
    """The base with a LoRA adapter merged in float32 (merging is only for speed; the adapter itself is what ships)."""
    from peft import PeftModel
    return PeftModel.from_pretrained(load_model(os.path.join(TINY, "base")), os.path.join(TINY, name)).merge_and_unload().eval()


# ---------------------------------------------------------------- batches
def encode_prompts(tok, prompts):
    return tok([chat(p) for p in prompts], add_special_tokens=False)["input_ids"]


def encode_answers(tok, answers):
    return tok([a + SPECIAL[END] for a in answers], add_special_tokens=False)["input_ids"]


def encode_pairs(tok, pairs):
    return list(zip(encode_prompts(tok, [p for p, _ in pairs]), encode_answers(tok, [a for _, a in pairs])))


def pad_right(rows, value=PAD):
    n = max(map(len, rows))
    return torch.tensor([r + [value] * (n - len(r)) for r in rows])


def as_batch(items):
    """[(prompt ids, answer ids)] -> input ids and labels (-100 outside of the answers)."""
    return pad_right([p + a for p, a in items]), pad_right([[-100] * len(p) + a for p, a in items], -100)


def bucketed(items, size, rng):
    """Batches of similar total length, in random order."""
    items = sorted(items, key=lambda x: len(x[0]) + len(x[1]))
    batches = [items[i:i + size] for i in range(0, len(items), size)]
    rng.shuffle(batches)
    return batches


# ---------------------------------------------------------------- log-probabilities
def label_logits(model, ids, labels):
    """Logits at the positions that predict a label, [number of labels, vocabulary].  Rows are padded on the right and attention
    is causal, so no mask is needed."""
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    return model.lm_head(hidden[labels[:, 1:] != -100]).float()


def token_logprobs(model, ids, labels):
    """log p of each label, 0 elsewhere, [rows, length - 1]."""
    target = labels[:, 1:]
    mask = target != -100
    out = torch.zeros(target.shape)
    out[mask] = -F.cross_entropy(label_logits(model, ids, labels), target[mask], reduction="none")
    return out


@torch.no_grad()
def answer_logprobs(model, items, size=100):
    out = torch.zeros(len(items))
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]) + len(items[i][1]))
    for i in range(0, len(order), size):
        rows = order[i:i + size]
        out[rows] = token_logprobs(model, *as_batch([items[j] for j in rows])).sum(1)
    return out


# ---------------------------------------------------------------- sampling from softmax(sum_i weight_i * logits_i)
@torch.no_grad()
def sample(policy, prompts, seed=0, greedy=False, max_new=110, size=200):
    """policy: [(model, weight)]; prompts: token ids.  -> (answers without the end token, KL(policy || policy[0]) per answer).

    The KL is the sum over steps of the exact divergence between the joint law and that of the first model at weight 1."""
    generator = torch.Generator().manual_seed(seed)
    answers, kl = [None] * len(prompts), [0.0] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for i in range(0, len(order), size):
        rows = order[i:i + size]
        for row, tokens, divergence in _sample_batch(policy, rows, prompts, generator, greedy, max_new):
            answers[row], kl[row] = tokens, divergence
    return answers, kl


def _sample_batch(policy, rows, prompts, generator, greedy, max_new):
    width = max(len(prompts[i]) for i in rows)
    ids = torch.tensor([[PAD] * (width - len(prompts[i])) + prompts[i] for i in rows])
    mask = torch.tensor([[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in rows])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    caches, live = [DynamicCache() for _ in policy], torch.tensor(rows)
    tokens, kl = {i: [] for i in rows}, torch.zeros(len(rows))
    for t in range(max_new):
        logits = [m.lm_head(m.model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=c, use_cache=True)
                            .last_hidden_state[:, -1]).float() for (m, _), c in zip(policy, caches)]
        logp = F.log_softmax(sum(w * z for (_, w), z in zip(policy, logits)), -1)
        kl += (logp.exp() * (logp - F.log_softmax(logits[0], -1))).sum(-1)
        choice = logp.argmax(-1) if greedy else torch.multinomial(logp.exp(), 1, generator=generator)[:, 0]
        stop = (choice == END) | (t == max_new - 1)
        for row, c, s, k in zip(live.tolist(), choice.tolist(), stop.tolist(), kl.tolist()):
            if c != END:
                tokens[row].append(c)
            if s:
                yield row, tokens[row], k
        keep = (~stop).nonzero()[:, 0]
        if len(keep) == 0:
            return
        if stop.any():
            live, kl, choice, mask, positions = live[keep], kl[keep], choice[keep], mask[keep], positions[keep]
            for cache in caches:
                cache.batch_select_indices(keep)
        mask = torch.cat([mask, torch.ones(len(live), 1, dtype=mask.dtype)], 1)
        ids, positions = choice[:, None], positions[:, -1:] + 1


def decode(tok, tokens):
    return tok.decode(tokens, skip_special_tokens=False)


def sample_texts(tok, policy, prompts, **options):
    answers, kl = sample(policy, encode_prompts(tok, prompts), **options)
    return [decode(tok, a) for a in answers], kl, answers


# ---------------------------------------------------------------- training
@contextlib.contextmanager
def mixed_precision():
    """bfloat16 matrix products with float32 attention: the bfloat16 backward of CPU attention costs more than all products together."""
    attention = F.scaled_dot_product_attention

    def float32_attention(q, k, v, **options):
        with torch.autocast("cpu", enabled=False):
            return attention(q.float(), k.float(), v.float(), **options)
    F.scaled_dot_product_attention = float32_attention
    try:
        with torch.autocast("cpu", torch.bfloat16):
            yield
    finally:
        F.scaled_dot_product_attention = attention


def warm_then_linear(step, total, warm=50, flat=0.5):
    """Warm-up, constant, then linear to zero over the last `1 - flat` of the run."""
    return min(1.0, (step + 1) / warm, max(0.0, (total - step) / (total * (1 - flat))))

"""Writes one small randomly initialised checkpoint per reward architecture and records what transformers computes from it.

Usage: python test/reference/record_rewards.py   (torch, transformers 5, peft)

Checkpoints go to rewards/NAME beside this file (bf16 where the format allows), transformers' fp32 numbers for TEXTS to
rewards/NAME.json: for every text its token ids (and token types), and the raw numbers of the head. Heads that give
numbers at every token are recorded at every fourth token and at the last.
"""

import json
import random
import sys
from pathlib import Path

import torch
import torch.nn as nn
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
)

from prompts import TEXT
from record_logits import weights_hash

torch.set_num_threads(1)
VOCABULARY = 300
SHAPE = dict(
    vocab_size=VOCABULARY,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
    tie_word_embeddings=False,
)
ENCODER = dict(vocab_size=VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4)
SENTIMENT = dict(id2label={0: "negative", 1: "positive"}, label2id={"negative": 0, "positive": 1})
ONE = dict(id2label={0: "LABEL_0"}, label2id={"LABEL_0": 0})
ATTRIBUTES = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]
NAMED = dict(id2label=dict(enumerate(ATTRIBUTES)), label2id={name: i for i, name in enumerate(ATTRIBUTES)})
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

SEQUENCE, TOKENS = AutoModelForSequenceClassification, AutoModelForTokenClassification
# name -> class, config
CLASSIFIERS = {
    "llama-score": (SEQUENCE, LlamaConfig(**SHAPE | ONE)),
    "qwen2-score": (SEQUENCE, Qwen2Config(**SHAPE | NAMED)),
    "qwen3-score": (SEQUENCE, Qwen3Config(**SHAPE | dict(head_dim=32) | ONE)),
    "mistral-score": (SEQUENCE, MistralConfig(**SHAPE | dict(sliding_window=None) | SENTIMENT)),
    "bert": (SEQUENCE, BertConfig(**ENCODER | dict(max_position_embeddings=256) | SENTIMENT)),
    "roberta": (SEQUENCE, RobertaConfig(**ENCODER | dict(max_position_embeddings=258, type_vocab_size=1, pad_token_id=2, bos_token_id=0, eos_token_id=1) | SENTIMENT)),
    "llama-tokens": (TOKENS, LlamaConfig(**SHAPE | SENTIMENT)),
    "qwen2-tokens": (TOKENS, Qwen2Config(**SHAPE | SENTIMENT)),
}
SPECIAL = ["<|endoftext|>", "<|im_end|>", "<|pad|>", "<|im_start|>", "<extra_0>"]


def texts():
    """Sentences, conversations and stretches of the text, from one word to some hundred tokens; the last ends in padding.

    So many because a rank correlation over twenty is mostly chance.
    """
    rng = random.Random(5)
    sentences = [part.strip() + "." for part in TEXT.replace("\n", " ").split(". ")]
    chat = [f"<|im_start|>user\n{a}<|im_end|>\n<|im_start|>assistant\n{b}<|im_end|>\n" for a, b in zip(sentences[::2], sentences[1::2])]
    words = TEXT.split()
    starts = [(rng.randrange(len(words) - 40), rng.randrange(1, 40)) for _ in range(110)]
    stretches = [" ".join(words[start : start + length]) for start, length in starts]
    return ["Yes", "No.", *sentences, *chat, *stretches, "A short one<|pad|><|pad|>"]


def pairs():
    given = texts()[2:]
    return list(zip(given[:5], given[1:6]))


def make_bpe(folder, roberta):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    if roberta:
        tokenizer.post_processor = processors.RobertaProcessing(("<|im_end|>", 1), ("<|endoftext|>", 0))
    names = dict(bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|pad|>")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    if not roberta:
        fast.chat_template = CHAT
    fast.save_pretrained(folder)


def make_word_piece(folder):
    # the trainer breaks ties differently in every run
    letters = sorted(set(TEXT.lower()) - set(" \n"))
    words = sorted({word for word in TEXT.lower().split() if word.isalpha() and word.isascii()})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *("##" + letter for letter in letters), *words]
    vocabulary = {piece: id for id, piece in enumerate(pieces[:VOCABULARY])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


def randomise(model, seed):
    """Matrices keep the scale of their inputs; biases and norm weights are far from the 0 and 1 they start as."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            values = values * 0.5
        elif parameter.dim() == 1:
            values = 1.0 + 0.5 * torch.rand(parameter.shape, generator=generator) + 0.2 * values
        elif "embed" in name:
            values = values * 0.4
        else:
            values = values * 1.1 / parameter.shape[1] ** 0.5
        parameter.data.copy_(values)


def tokenizer_for(name, folder):
    make_word_piece(folder) if name == "bert" else make_bpe(folder, name == "roberta")
    return AutoTokenizer.from_pretrained(folder)


def sample(rows):
    """Every fourth row and the last, with their positions."""
    kept = sorted({*range(0, len(rows), 4), len(rows) - 1})
    return {"positions": kept, "rows": rounded(rows[kept])}


def rounded(values):
    return torch.round(values.double(), decimals=6).tolist()


@torch.no_grad()
def record(out, tokenizer, forward, everywhere, with_pairs=False, folders=None):
    cases = []
    # numbers at every token are many already
    inputs = [(text,) for text in texts()[:: 6 if everywhere else 1]] + (pairs() if with_pairs else [])
    for given in inputs:
        encoded = tokenizer(*given, add_special_tokens=with_pairs, return_token_type_ids=with_pairs)
        tensors = {key: torch.tensor([value]) for key, value in encoded.items()}
        if not with_pairs:
            tensors.pop("token_type_ids", None)
        # as a batch of several is padded; positions that ought not be pooled have to be found by their ids
        tensors.pop("attention_mask", None)
        numbers = forward(**tensors)[0]
        case = {"texts": list(given), "ids": encoded["input_ids"]}
        case |= sample(numbers) if everywhere else {"numbers": rounded(numbers)}
        cases.append(case)
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    hash = weights_hash(folders or [out.with_suffix("")])
    out.write_text(json.dumps({"madeWith": made, "weightsSha256": hash, "cases": cases}, ensure_ascii=False) + "\n")


def without_mask(model):
    return lambda **inputs: model(**inputs).logits


def make_classifier(root, name, seed):
    loader, config = CLASSIFIERS[name]
    folder = root / name
    model = loader.from_config(config)
    randomise(model, seed)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer = tokenizer_for(name, folder)
    model = loader.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    encoder = name in ("bert", "roberta")
    record(root / f"{name}.json", tokenizer, without_mask(model), loader is TOKENS, encoder)


def make_process(root, seed):
    """Qwen2ForProcessRewardModel, whose class lives in its repository: score is Linear, ReLU, Linear at every token."""
    folder = root / "qwen2-process"
    config = Qwen2Config(**SHAPE)
    trunk = AutoModelForCausalLM.from_config(config).model
    score = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    whole = nn.ModuleDict({"model": trunk, "score": score})
    randomise(whole, seed)
    save_headed(folder, whole, config, "Qwen2ForProcessRewardModel")
    record(root / "qwen2-process.json", tokenizer_for("qwen2", folder), headed(whole), True)


def make_preference(root, seed, prompt_head):
    """A GPM: value_head on the last hidden state, and perhaps prompt_head; both recorded behind one another."""
    name = "llama-preference-prompt" if prompt_head else "llama-preference"
    config = LlamaConfig(**SHAPE)
    trunk = AutoModelForCausalLM.from_config(config).model
    parts = {"model": trunk, "value_head": nn.Linear(64, 4, bias=False)}
    if prompt_head:
        parts["prompt_head"] = nn.Linear(64, 2, bias=False)
    whole = nn.ModuleDict(parts)
    randomise(whole, seed)
    save_headed(root / name, whole, config, "LlamaForCausalLM")
    record(root / f"{name}.json", tokenizer_for("llama", root / name), headed(whole), True)


def make_gated(root, seed):
    """ArmoRM's layout: regression_layer on the last hidden state. Its gating is there, and not computed."""
    config = LlamaConfig(**SHAPE | NAMED)
    whole = nn.ModuleDict(
        {
            "model": AutoModelForCausalLM.from_config(config).model,
            "regression_layer": nn.Linear(64, 5, bias=False),
            "gating": nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(64, 5)])}),
        }
    )
    randomise(whole, seed)
    whole.register_parameter("reward_transform_matrix", nn.Parameter(torch.eye(5)))
    save_headed(root / "llama-gated", whole, config, "LlamaForRewardModelWithGating")
    forward = lambda **inputs: whole["regression_layer"](last_unpadded(whole["model"](**inputs).last_hidden_state, **inputs))
    record(root / "llama-gated.json", tokenizer_for("llama", root / "llama-gated"), forward, False)


def last_unpadded(hidden, input_ids):
    kept = (input_ids[0] != SHAPE["pad_token_id"]).nonzero()
    return hidden[:, int(kept[-1])]


def headed(whole):
    heads = [head for name, head in whole.items() if name != "model"]

    def forward(**inputs):
        hidden = whole["model"](**inputs).last_hidden_state
        return torch.cat([head(hidden) for head in heads], -1)

    return forward


def save_headed(folder, whole, config, architecture):
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(torch.bfloat16).contiguous() for name, value in whole.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    whole.load_state_dict({name: value.float() for name, value in state.items()})
    whole.eval()
    config.architectures = [architecture]
    config.save_pretrained(folder)


def make_adapter(root, seed):
    """A LoRA adapter with a score head on one of the committed random causal models."""
    base = Path(__file__).parent / "models" / "llama-llama3"
    folder = root / "llama-lora"
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    fields = dict(r=4, lora_alpha=8, target_modules=modules, rank_pattern={"v_proj": 6}, alpha_pattern={"layers.1.self_attn.o_proj": 3})
    model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", **fields))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.6 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text()) | {"base_model_name_or_path": "../../models/llama-llama3"}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)
    model.config.pad_token_id = None
    record(root / "llama-lora.json", AutoTokenizer.from_pretrained(base), without_mask(model.eval()), False, folders=[base, folder])


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "rewards"
    root.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(CLASSIFIERS):
        print(name, flush=True)
        make_classifier(root, name, 200 + seed)
    make_process(root, 300)
    make_preference(root, 301, False)
    make_preference(root, 302, True)
    make_adapter(root, 303)
    make_gated(root, 304)


if __name__ == "__main__":
    main()

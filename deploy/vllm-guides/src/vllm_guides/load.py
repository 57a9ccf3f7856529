"""From folders to guides."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from .guide import Guide
from .settings import Settings, facts_of, model_folder

log = logging.getLogger("vllm.guides")


def load_guides(settings: Settings, device: torch.device, base_tokenizer: str, longest: int) -> dict[str, Guide]:
    """longest: tokens of prompt and answer that the engine takes."""
    base = ids_of(base_tokenizer) if settings.guides else None
    guides = {}
    for name, folder in settings.guides.items():
        try:
            assert_fits(folder, base, longest)
            model = load_model(folder, settings.dtype, device)
            guides[name] = Guide(model, settings.memory, settings.chunk, facts_of(folder).context)
        except ValueError as error:
            raise ValueError(f"guide {name!r}: {error}") from error
        size = sum(one.numel() for one in model.parameters())
        log.info("guide %r: %.1fM parameters, %d tokens of memory", name, size / 1e6, guides[name].pool.count * 16)
    return guides


def assert_fits(folder: Path, base: Mapping[str, int] | None, longest: int) -> None:
    facts = facts_of(folder)
    if facts.context < longest:
        raise ValueError(
            f"it reads {facts.context} tokens, fewer than the {longest} the engine takes: "
            f"start vLLM with --max-model-len {facts.context}"
        )
    own = ids_of(str(tokenizer_folder(folder)))
    if own is None or base is None:
        log.warning("%s has no tokenizer to compare with the served model's; only sizes are compared", folder)
        return
    # what is padding for one may be a reserved token for the other, but no text may have two meanings
    different = [token for token in own.keys() & base.keys() if own[token] != base[token]]
    missing = [token for token, number in base.items() if token not in own and number < facts.vocabulary]
    if different or missing:
        example = (different + missing)[0]
        raise ValueError(f"its vocabulary is another one: {example!r} is {own.get(example)} there, {base[example]} here")


def tokenizer_folder(folder: Path) -> Path:
    return folder if (folder / "tokenizer.json").exists() else model_folder(folder)


def ids_of(tokenizer: str) -> dict[str, int] | None:
    try:
        return AutoTokenizer.from_pretrained(tokenizer).get_vocab()
    except (OSError, ValueError) as error:
        log.warning("no tokenizer in %s: %s", tokenizer, error)
        return None


def load_model(folder: Path, dtype: str, device: torch.device) -> torch.nn.Module:
    """An adapter is merged into a copy of its base: one model more, and the speed of a plain one."""
    options = {"dtype": dtype, "attn_implementation": "sdpa"}
    model = AutoModelForCausalLM.from_pretrained(model_folder(folder), **options)
    assert_full_attention(model.config)
    if model_folder(folder) != folder:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder).merge_and_unload()
    return model.eval().requires_grad_(False).to(device)


def assert_full_attention(config) -> None:
    """Every token sees all before it: the mask is one for all layers."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    windowed = window is not None and getattr(config, "use_sliding_window", True) and window < config.max_position_embeddings
    if kinds - {"full_attention"} or windowed:
        raise ValueError("its attention is not full; such models cannot be guides yet")

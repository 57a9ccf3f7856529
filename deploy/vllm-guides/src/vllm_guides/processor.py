"""The entry point that vLLM loads: `vllm.logits_processors`."""

from functools import cache

import torch
from vllm.v1.sample.logits_processor.interface import LogitsProcessor

from .batch import GuidedBatch
from .load import load_guides
from .request import check
from .settings import facts_of, read_settings


@cache
def known_guides():
    return {name: facts_of(folder) for name, folder in read_settings().guides.items()}


class GuideProcessor(LogitsProcessor):
    """Adds what the guides say to the logits, before penalties, temperature and filters."""

    #: The engine that has guides already. vLLM makes two processors when --logits-processors names it as well; one tilt is enough.
    _guided = None

    @classmethod
    def validate_params(cls, sampling_params) -> None:
        check(sampling_params.extra_args, known_guides(), sampling_params.max_tokens)

    def __init__(self, vllm_config, device: torch.device, is_pin_memory: bool) -> None:
        self.batch = None
        if GuideProcessor._guided is vllm_config or not known_guides():
            return
        assert_tokens_are_told(vllm_config)
        GuideProcessor._guided = vllm_config
        model = vllm_config.model_config
        self.batch = GuidedBatch(load_guides(read_settings(), device, model.tokenizer, model.max_model_len))

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update) -> None:
        if self.batch is not None:
            self.batch.update(batch_update)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        return logits if self.batch is None else self.batch.apply(logits)


def assert_tokens_are_told(vllm_config) -> None:
    """With asynchronous scheduling vLLM tells processors what was drawn only where --logits-processors names one."""
    model = vllm_config.model_config
    if vllm_config.scheduler_config.async_scheduling and not model.logits_processors:
        raise ValueError(
            "start vLLM with --no-async-scheduling, or name the processor: --logits-processors vllm_guides.processor:GuideProcessor"
        )
    if getattr(model, "enable_prompt_embeds", False):
        raise ValueError("guides read token ids: start vLLM without --enable-prompt-embeds")

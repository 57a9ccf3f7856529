"""Best-of-8 and 8 particles through trimtab beside its_hub, on one vLLM and with one reward.

    pip install 'its_hub[lm]==1.2.0' aiohttp
    VLLM=http://127.0.0.1:8901 GATEWAY=http://127.0.0.1:8080 REWARD=http://127.0.0.1:8902 python bench/vllm/its_hub_speed.py

GATEWAY is a trimtab that serves its_hub.yaml. ROUNDS, PROMPTS, AT_A_TIME and WAYS (a regular expression) change what is measured.
The ways take turns prompt by prompt. The reward is the share of short words: its_hub calls it in this process, trimtab asks for it
over HTTP, as text-embeddings-inference would be asked. Ends of sequence are ignored everywhere, so that all ways write equally much.
"""

import asyncio
import os
import re
import statistics
import time
import warnings
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from its_hub.api import AbstractOutcomeRewardModel, AbstractProcessRewardModel
from its_hub.core.algorithms.bon import BestOfN
from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
from its_hub.core.lms.step_generation import StepGeneration

VLLM, GATEWAY, REWARD = (os.environ[name] for name in ("VLLM", "GATEWAY", "REWARD"))
ROUNDS = int(os.environ.get("ROUNDS", 2))
AT_A_TIME = int(os.environ.get("AT_A_TIME", 1))
N, TOKENS, STEP = 8, 48, 16
PROMPTS = [
    "Write a story about a lighthouse.",
    "Describe how bread is made.",
    "Explain why the sea is salty.",
    "Tell me about the history of the bicycle.",
    "Give advice to somebody who learns to play chess.",
    "Describe a walk through a forest in autumn.",
][: int(os.environ.get("PROMPTS", 6))]

# agenerate() is deprecated, and its own particle filter calls it
warnings.filterwarnings("ignore", category=DeprecationWarning)


def plain(answer: str) -> float:
    """The share of words of at most four letters."""
    words = re.findall(r"[A-Za-z]+", answer)
    return sum(len(word) <= 4 for word in words) / len(words) if words else 0.0


class WholeAnswers(AbstractOutcomeRewardModel):
    def score(self, messages, **_):
        return [plain(conversation[-1].extract_text_content()) for conversation in messages]

    async def ascore(self, messages, orchestrator=None, **_):
        return self.score(messages)


class Beginnings(AbstractProcessRewardModel):
    def score(self, prompt_or_messages, steps):
        return [plain(text) for text in steps]

    async def ascore(self, prompt_or_messages, steps):
        return self.score(prompt_or_messages, steps)


class EndlessModel(OpenAICompatibleLanguageModel):
    def _prepare_request_data(self, *arguments, **named):
        return {**super()._prepare_request_data(*arguments, **named), "ignore_eos": True}


async def judge(request: web.Request) -> web.Response:
    inputs = (await request.json())["inputs"]
    return web.json_response([[{"label": "plain", "score": plain(text)}] for (text,) in inputs])


async def serve_reward() -> None:
    app = web.Application()
    app.router.add_post("/predict", judge)
    app.router.add_get("/health", lambda _: web.Response())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", urlsplit(REWARD).port).start()


def ways(session: aiohttp.ClientSession, model: OpenAICompatibleLanguageModel) -> dict:
    """Each a function of a prompt that returns its answer."""
    best = BestOfN(WholeAnswers())
    # it stops behind the step before which there were `max_steps`
    steps = StepGeneration(max_steps=TOKENS // STEP - 1, tokens_per_step=STEP, temperature=1.0)
    particles = ParticleFiltering(steps, Beginnings())

    def its_hub(algorithm):
        async def answer(prompt: str, _: int) -> str:
            return (await algorithm.ainfer(model, prompt, N))["content"]

        return answer

    def trimtab(**alignment):
        async def answer(prompt: str, seed: int) -> str:
            body = {
                "model": "base",
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": TOKENS,
                "temperature": 1,
                "seed": seed,
                "ignore_eos": True,
                "alignment": alignment,
            }
            async with session.post(f"{GATEWAY}/v1/chat/completions", json=body) as reply:
                if reply.status != 200:
                    raise RuntimeError(await reply.text())
                return (await reply.json())["choices"][0]["message"]["content"]

        return answer

    best_of = {"n": N, "reward": "plain"}
    filtering = {"n": N, "reward": "plain", "resample_every": STEP}
    return {
        "its_hub, best of 8": its_hub(best),
        "trimtab, best of 8": trimtab(best_of=best_of),
        "trimtab, best of 8, pruned": trimtab(best_of={**best_of, "prune": {"keep": 0.5, "at": [16, 32]}}),
        "its_hub, 8 particles": its_hub(particles),
        "trimtab, 8 particles, its_hub's weights": trimtab(particles={**filtering, "compat": "its_hub"}),
        "trimtab, 8 particles": trimtab(particles={**filtering, "lambda": 8}),
    }


async def measure(chosen: dict) -> dict:
    """Seconds of each group of prompts, and the reward of each answer, by way."""
    found = {way: ([], []) for way in chosen}
    for round_ in range(ROUNDS):
        for start in range(0, len(PROMPTS), AT_A_TIME):
            # who goes first changes
            order = list(chosen)
            turn = (round_ + start // AT_A_TIME) % len(order)
            for way in order[turn:] + order[:turn]:
                began = time.perf_counter()
                group = enumerate(PROMPTS[start : start + AT_A_TIME], 1000 * round_ + start)
                answers = await asyncio.gather(*(chosen[way](prompt, seed) for seed, prompt in group))
                found[way][0].append(time.perf_counter() - began)
                found[way][1].extend(map(plain, answers))
    return found


def half_width(values: list[float]) -> float:
    """Of the 95% confidence interval of a mean."""
    return 1.96 * statistics.stdev(values) / len(values) ** 0.5


def report(found: dict) -> None:
    print(f"{AT_A_TIME} requests at a time, {ROUNDS} rounds of {len(PROMPTS)} prompts")
    for way, (seconds, rewards) in found.items():
        theirs = found.get("its_hub, 8 particles" if "particles" in way else "its_hub, best of 8")
        line = [f"{way}: {statistics.median(seconds):.2f} s"]
        if theirs is not None:
            ratios = [their / our for our, their in zip(seconds, theirs[0], strict=True)]
            in_all = sum(theirs[0]) / sum(seconds)
            line.append(f"{statistics.median(ratios):.2f} times as fast as its_hub (in all {in_all:.2f})")
        line.append(f"reward {statistics.mean(rewards):.3f} +- {half_width(rewards):.3f}")
        print(", ".join(line), flush=True)


async def warm_up(chosen: dict) -> None:
    for attempt in range(60):
        try:
            for answer in chosen.values():
                await answer(PROMPTS[0], 1)
            return
        except (RuntimeError, aiohttp.ClientError) as error:
            # the servers may still be starting
            if attempt == 59:
                raise
            print(f"not yet: {str(error)[:300]}", flush=True)
            await asyncio.sleep(1)


async def main() -> None:
    await serve_reward()
    theirs = EndlessModel(f"{VLLM}/v1", "none", "smollm2", max_completion_tokens=TOKENS, temperature=1.0)
    ours = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
    async with theirs as model, ours as session:
        wanted = os.environ.get("WAYS", "")
        chosen = {way: answer for way, answer in ways(session, model).items() if re.search(wanted, way)}
        await warm_up(chosen)
        report(await measure(chosen))


asyncio.run(main())

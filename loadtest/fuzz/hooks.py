"""Hooks for schemathesis: what it generates reaches the model, and answers stay short.

A random text is never the name of a model, so without this every request would end at 404 and nothing behind it would
be tested, and rules between fields (`top_logprobs` needs `logprobs`) would refuse nearly all the rest. One body in
eight keeps what was generated.
"""

import os
import random

import schemathesis

MODELS = ["tiny", "tiny-friendly"]
REWARDS = ["sentiment", "steps", "sound", "brief", "bleu", "praise"]
GUIDES = ["positive", "concise", "formal", "reasoner"]


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict) or random.random() < 1 / 8:
        return body
    if "responses" in body:
        given = {name: value for name, value in body.items() if name != "prompt" or "messages" not in body}
        return {**given, "reward": random.choice(REWARDS)}
    mapped = {**body, "model": random.choice(MODELS)}
    for limit in ("max_tokens", "max_completion_tokens"):
        if isinstance(mapped.get(limit), int) and mapped[limit] > 8:
            mapped[limit] = 8
    if "max_tokens" not in mapped and "max_completion_tokens" not in mapped:
        mapped["max_tokens"] = 4
    if isinstance(mapped.get("n"), int) and mapped["n"] > 2:
        mapped["n"] = 2
    if mapped.get("top_logprobs") is not None:
        mapped["logprobs"] = True
    if "best_of" in mapped:
        mapped["best_of"] = mapped.get("n", 1)
    if isinstance(mapped.get("alignment"), dict):
        mapped["alignment"] = named(mapped["alignment"])
    return mapped


@schemathesis.hook
def after_call(context, case, response):
    """One line a request; schemathesis' own reports hold every reply and grow to gigabytes."""
    with open(os.environ["TRIMTAB_FUZZ_LOG"], "a") as log:
        log.write(f"{case.method} {case.path} {response.status_code}\n")


def named(alignment):
    """Names that the configuration knows, so that methods run."""
    mapped = {**alignment}
    if "policy" in mapped:
        mapped["policy"] = "friendly"
    if isinstance(mapped.get("guides"), list):
        mapped["guides"] = [
            {**one_kind(guide), "guide": random.choice(GUIDES)} if isinstance(guide, dict) and "guide" in guide else guide
            for guide in mapped["guides"][:3]
        ]
    for method in ("best_of", "particles", "search"):
        if isinstance(mapped.get(method), dict):
            mapped[method] = modest(mapped[method])
    return mapped


def one_kind(guide):
    return {name: value for name, value in guide.items() if name not in ("principle", "contrast")}


def modest(method):
    mapped = {**method}
    if "reward" in mapped:
        mapped["reward"] = random.choice(REWARDS)
    for count in ("n", "width", "branch", "iterations"):
        if isinstance(mapped.get(count), int) and mapped[count] > 4:
            mapped[count] = random.randint(1, 4)
    return mapped

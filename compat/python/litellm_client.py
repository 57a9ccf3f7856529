"""LiteLLM's SDK, as any OpenAI-compatible provider; its proxy sends the same requests."""

import litellm
from cases import ALIGNMENT, FORCED, LOCAL, MESSAGES, QUESTION, TOOLS, UPSTREAM, URL, called, called_somehow, refused, run
from pydantic import BaseModel

litellm.suppress_debug_info = True
SERVER = {"api_base": URL, "api_key": "none", "num_retries": 0}


class Place(BaseModel):
    city: str


def ask(model=LOCAL, **fields):
    asked = {"seed": 7, "max_tokens": 16, **SERVER, **fields}
    return litellm.completion(model=f"openai/{model}", messages=MESSAGES, **asked)


def respond(**fields):
    return litellm.responses(model=f"openai/{LOCAL}", input=QUESTION, max_output_tokens=16, **SERVER, **fields)


def chat():
    reply = ask()
    assert reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def chat_streamed():
    text = "".join(chunk.choices[0].delta.content or "" for chunk in ask(stream=True))
    assert text == ask().choices[0].message.content


def logprobs():
    assert len(ask(logprobs=True, top_logprobs=2).choices[0].logprobs.content[0].top_logprobs) == 2


def aligned():
    assert ask(extra_body=ALIGNMENT).alignment["method"] == "genarm"


def aligned_streamed():
    """Fields of chunks that it does not know, it drops: the text must be the aligned one."""
    text = "".join(chunk.choices[0].delta.content or "" for chunk in ask(extra_body=ALIGNMENT, stream=True))
    assert text == ask(extra_body=ALIGNMENT).choices[0].message.content


def responses():
    reply = respond(extra_body={"seed": 7, **ALIGNMENT})
    assert reply.output[0].content[0].text
    assert reply.usage.output_tokens > 0


def responses_streamed():
    events = list(respond(extra_body={"seed": 7}, stream=True))
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert deltas == events[-1].response.output[0].content[0].text


def errors():
    refused(lambda: ask(model="gpt"), litellm.NotFoundError, "does not exist")
    refused(lambda: ask(temperature=3), litellm.BadRequestError, "temperature")


def own_tools_streamed():
    chunks = list(ask(**FORCED, stream=True))
    called_somehow(litellm.stream_chunk_builder(chunks, messages=MESSAGES).choices[0].message.tool_calls)


def own_structured():
    Place.model_validate_json(ask(response_format=Place, max_tokens=85).choices[0].message.content)


def upstream_tools_streamed():
    chunks = list(ask(model=UPSTREAM, tools=TOOLS, stream=True))
    called(litellm.stream_chunk_builder(chunks, messages=MESSAGES).choices[0].message.tool_calls)


def upstream_structured():
    reply = ask(model=UPSTREAM, response_format=Place)
    assert Place.model_validate_json(reply.choices[0].message.content) == Place(city="Bath")


def upstream_embeddings():
    data = litellm.embedding(model=f"openai/{UPSTREAM}", input=["a", "b"], encoding_format="float", **SERVER).data
    assert [one["embedding"] for one in data] == [[0, 0.5], [1, 0.5]]


run(
    {
        "chat": chat,
        "chat, streamed": chat_streamed,
        "log-probabilities": logprobs,
        "alignment": aligned,
        "alignment, streamed": aligned_streamed,
        "responses": responses,
        "responses, streamed": responses_streamed,
        "errors": errors,
        "tools, own engine": lambda: called_somehow(ask(**FORCED).choices[0].message.tool_calls),
        "tools streamed, own engine": own_tools_streamed,
        "structured output, own engine": own_structured,
        "tools, upstream": lambda: called(ask(model=UPSTREAM, tools=TOOLS).choices[0].message.tool_calls),
        "tools streamed, upstream": upstream_tools_streamed,
        "structured output, upstream": upstream_structured,
        "embeddings, upstream": upstream_embeddings,
    }
)

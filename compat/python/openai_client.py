"""The official client for Python: chat, completions, responses, and `alignment` through extra_body."""

from cases import ALIGNMENT, FORCED, LOCAL, MESSAGES, QUESTION, TOOLS, UPSTREAM, URL, called, called_somehow, refused, run
from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=URL, api_key="none", max_retries=0)


class Place(BaseModel):
    city: str


def ask(**fields):
    return client.chat.completions.create(**{"model": LOCAL, "messages": MESSAGES, "seed": 7, "max_tokens": 16, **fields})


def respond(**fields):
    return client.responses.create(model=LOCAL, input=QUESTION, max_output_tokens=16, **fields)


def chat():
    reply = ask()
    assert reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def chat_streamed():
    text = "".join(chunk.choices[0].delta.content or "" for chunk in ask(stream=True))
    assert text == ask().choices[0].message.content


def logprobs():
    content = ask(logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert len(content[0].top_logprobs) == 2


def completions():
    assert client.completions.create(model=LOCAL, prompt="The", max_tokens=4).choices[0].text


def models():
    assert LOCAL in [model.id for model in client.models.list()]


def aligned():
    assert ask(extra_body=ALIGNMENT).alignment["method"] == "genarm"


def aligned_streamed():
    chunks = [chunk for chunk in ask(extra_body=ALIGNMENT, stream=True) if chunk.choices]
    assert chunks[-1].alignment["method"] == "genarm"


def responses():
    reply = respond(extra_body={"seed": 7, **ALIGNMENT})
    assert reply.output_text and reply.alignment["method"] == "genarm"


def responses_streamed():
    with client.responses.stream(model=LOCAL, input=QUESTION, max_output_tokens=16, extra_body={"seed": 7}) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.output_text == respond(extra_body={"seed": 7}).output_text


def errors():
    unknown = {"alignment": {"guides": [{"guide": "no"}]}}
    refused(lambda: ask(model="gpt"), NotFoundError, "does not exist")
    refused(lambda: ask(temperature=3), BadRequestError, "temperature")
    refused(lambda: ask(extra_body=unknown), BadRequestError, "Known guides")


def own_tools():
    called_somehow(ask(**FORCED).choices[0].message.tool_calls)


def own_tools_streamed():
    with client.chat.completions.stream(model=LOCAL, messages=MESSAGES, seed=7, **FORCED) as stream:
        for _ in stream:
            pass
        called_somehow(stream.get_final_completion().choices[0].message.tool_calls)


def own_structured():
    assert isinstance(parse(LOCAL, max_tokens=85).choices[0].message.parsed, Place)


def upstream_tools():
    called(ask(model=UPSTREAM, tools=TOOLS).choices[0].message.tool_calls)


def upstream_tools_streamed():
    with client.chat.completions.stream(model=UPSTREAM, messages=MESSAGES, tools=TOOLS) as stream:
        for _ in stream:
            pass
        called(stream.get_final_completion().choices[0].message.tool_calls)


def upstream_structured():
    assert parse(UPSTREAM).choices[0].message.parsed == Place(city="Bath")


def upstream_embeddings():
    data = client.embeddings.create(model=UPSTREAM, input=["a", "b"]).data
    assert [one.embedding for one in data] == [[0, 0.5], [1, 0.5]]


def parse(model, **fields):
    return client.chat.completions.parse(model=model, messages=MESSAGES, response_format=Place, **fields)


CASES = {
    "chat": chat,
    "chat, streamed": chat_streamed,
    "log-probabilities": logprobs,
    "completions": completions,
    "models": models,
    "alignment": aligned,
    "alignment, streamed": aligned_streamed,
    "responses": responses,
    "responses, streamed": responses_streamed,
    "errors": errors,
    "tools, own engine": own_tools,
    "tools streamed, own engine": own_tools_streamed,
    "structured output, own engine": own_structured,
    "tools, upstream": upstream_tools,
    "tools streamed, upstream": upstream_tools_streamed,
    "structured output, upstream": upstream_structured,
    "embeddings, upstream": upstream_embeddings,
}

run(CASES)

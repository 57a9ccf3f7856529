"""What the clients for Python share: where the server is, what is asked, how outcomes are printed."""

import json
import os

URL, LOCAL, UPSTREAM = os.environ["COMPAT_URL"], os.environ["COMPAT_LOCAL"], os.environ["COMPAT_UPSTREAM"]
QUESTION = "Write a review of the Abbey Hotel."
MESSAGES = [{"role": "user", "content": QUESTION}]
ALIGNMENT = {"alignment": {"guides": [{"guide": "positive", "weight": 1}]}}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


def refused(ask, kind, word):
    """The client must raise this kind of error, with the server's message in it."""
    try:
        ask()
    except kind as error:
        assert word in str(error), str(error)
        return str(error.status_code)
    raise AssertionError("nothing was raised")


def called(calls):
    [call] = calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Bath"})


FORCED = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 85}


def called_somehow(calls):
    """A call of the tool with arguments of its schema, whatever the model put there."""
    [call] = calls
    assert call.function.name == "weather" and isinstance(json.loads(call.function.arguments)["city"], str)


def run(cases):
    for name, case in cases.items():
        try:
            outcome = {"case": name, "outcome": "pass", "detail": case() or ""}
        except Exception as error:  # every failure is an outcome of the table
            outcome = {"case": name, "outcome": "fail", "detail": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(outcome, separators=(",", ":")), flush=True)

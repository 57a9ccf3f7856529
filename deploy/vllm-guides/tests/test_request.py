import json

import pytest

from vllm_guides.request import QUESTION, check, parse_tilt
from vllm_guides.settings import GuideFacts, read_settings

FACTS = {"kind": GuideFacts(vocabulary=10, context=20)}


def asked(guides, **more):
    return {"trimtab_guides": guides if isinstance(guides, str) else json.dumps(guides), **more}


def test_nothing_asked_is_no_tilt():
    assert parse_tilt(None) is None
    assert parse_tilt({"another": 1}) is None
    assert parse_tilt(asked({"kind": 0})) is None


def test_both_forms():
    tilt = parse_tilt(asked([{"guide": "kind", "weight": -0.5, "prompt": [1, 2]}], trimtab_base=1.5))
    assert (tilt.base, tilt.terms[0].guide, tilt.terms[0].weight, tilt.terms[0].prompt) == (1.5, "kind", -0.5, [1, 2])
    assert parse_tilt(asked({"kind": 2})).terms[0].weight == 2


@pytest.mark.parametrize(
    ("guides", "reason"),
    [
        ({"absent": 1}, "unknown guide 'absent'; this engine has kind"),
        ({"kind": "x"}, "the weight of 'kind' is a finite number, not 'x'"),
        ({"kind": True}, "finite number"),
        ({"kind": None}, "finite number"),
        ('{"kind": NaN}', "finite number"),
        ('{"kind": 1e999}', "finite number"),
        ({"kind": 1001}, "at most 1000"),
        ("{", "no JSON"),
        ("3", "an object of weights or a list"),
        ([1], 'has a "guide"'),
        ([{"guide": "kind", "weight": 1, "wieght": 2}], "'wieght' is no field"),
        ([{"guide": "kind", "weight": 1, "prompt": []}], "list of token ids"),
        ([{"guide": "kind", "weight": 1, "prompt": [1.5]}], "list of token ids"),
        ([{"guide": "kind", "weight": 1, "prompt": [10]}], "token 10 is not in its vocabulary of 10"),
        ([{"guide": "kind", "weight": 1, "prompt": [1] * 15}], "21 tokens, more than the 20 it reads"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(guides, reason):
    with pytest.raises(ValueError) as refused:
        check(asked(guides), FACTS, 6)
    assert reason in str(refused.value)


def test_a_bad_base_and_guides_that_are_no_string():
    for extra in ({"trimtab_base": "1"}, {"trimtab_guides": 3}, {"trimtab_guides": ["kind"]}):
        with pytest.raises(ValueError):
            check(extra, FACTS, 6)


def test_the_question_is_answered_with_a_description():
    with pytest.raises(ValueError) as told:
        check({"trimtab_guides": QUESTION}, FACTS, 1)
    head, _, described = str(told.value).partition(" ")
    assert head == "trimtab-guides"
    assert json.loads(described) == {"format": 1, "guides": [{"name": "kind", "vocabulary": 10, "context": 20}]}


def test_settings(tmp_path):
    folder = tmp_path / "kind"
    folder.mkdir()
    settings = read_settings({"TRIMTAB_GUIDES": f"kind={folder}, other={folder}", "TRIMTAB_GUIDES_MEMORY": "2GiB"})
    assert list(settings.guides) == ["kind", "other"] and settings.memory == 2**31
    assert not read_settings({}).guides
    for wrong in (
        {"TRIMTAB_GUIDES": "kind"},
        {"TRIMTAB_GUIDES": f"kind={folder},kind={folder}"},
        {"TRIMTAB_GUIDES": "kind=/absent"},
        {"TRIMTAB_GUIDES_MEMORY": "much"},
        {"TRIMTAB_GUIDES_DTYPE": "int4"},
        {"TRIMTAB_GUIDES_CHUNK": "0"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            read_settings(wrong)

"""ARNs, names, times, errors and JSON of `base`, as data."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from steppe.base import arns, jsonvalue, timestamps
from steppe.base.arns import Realm
from steppe.base.errors import ApiError, DefinitionError, Fault, InternalError
from steppe.base.jsonvalue import JsonError
from steppe.base.names import check_name

TABLE = orjson.loads((Path(__file__).parent / "cases" / "base.json").read_bytes())


@pytest.mark.parametrize(("text", "parts"), TABLE["arns"])
def test_an_arn_is_taken_apart_and_put_together_again(text, parts):
    found = arns.parse(text)
    told = asdict(found)
    realm = Realm(**told.pop("realm"))
    assert told == parts
    machine = found.machine_name if found.label is None else f"{found.machine_name}/{found.label}"
    again = {
        "stateMachine": realm.state_machine(machine if found.name is None else f"{machine}:{found.name}"),
        "execution": realm.execution(machine, str(found.name)),
        "express": realm.express(machine, str(found.name), str(found.run_id)),
        "mapRun": realm.map_run(found.machine_name, str(found.label), str(found.name)),
        "activity": realm.activity(machine),
    }
    assert again[found.kind] == text
    assert arns.expect(text, found.kind) == found
    with pytest.raises(ApiError, match="Resource type not valid in this context"):
        arns.expect(text, "nothing")


@pytest.mark.parametrize(("text", "message"), TABLE["no_arns"])
def test_what_is_no_arn_is_refused(text, message):
    with pytest.raises(ApiError) as caught:
        arns.parse(text)
    assert (caught.value.code, caught.value.message) == ("InvalidArn", message)


@pytest.mark.parametrize("name", [*TABLE["names"], "x" * 80])
def test_a_name_is_accepted(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", [*TABLE["no_names"], "x" * 81])
def test_a_name_the_service_forbids_is_refused(name):
    with pytest.raises(ApiError, match="Invalid Name"):
        check_name(name)


@pytest.mark.parametrize(("text", "epoch_ms"), TABLE["times"])
def test_a_time_is_read(text, epoch_ms):
    assert timestamps.parse_ms(text) == epoch_ms
    assert timestamps.is_strict(text) is (epoch_ms is not None and text.upper() == text)
    if epoch_ms is not None:
        assert timestamps.parse_ms(timestamps.to_text(epoch_ms)) == epoch_ms


@pytest.mark.parametrize("text", [*TABLE["no_json"], "[" * 500 + "]" * 500, "[" * 100_000, "1" * 400, "1" * 5_000])
def test_what_is_no_json_is_refused(text):
    for form in (text, text.encode()):
        with pytest.raises(JsonError):
            jsonvalue.loads(form)


@pytest.mark.parametrize("value", [{1}, object(), [object()]])
def test_what_has_no_json_form_is_refused(value):
    with pytest.raises(JsonError):
        jsonvalue.dumps(value)


def test_json_that_orjson_does_not_take_goes_the_long_way():
    for value in (2**70, "\ud800", {"\udfff": [-(2**65)]}):
        assert jsonvalue.equal(jsonvalue.loads(jsonvalue.dumpb(value)), value) or isinstance(value, int | dict)
        assert jsonvalue.canonical(value) == jsonvalue.dumpb(value)
        assert jsonvalue.size_bytes(value) == len(jsonvalue.dumpb(value))


def test_half_of_a_surrogate_pair_is_escaped_in_json_and_replaced_in_a_bare_text():
    assert jsonvalue.dumps(["é😀\ud800", "\\\udfff"]) == '["é😀\\ud800","\\\\\\udfff"]'
    assert jsonvalue.canonical({"\ud800": 1}) == b'{"\\ud800":1}'
    assert jsonvalue.loads(jsonvalue.dumpb({"\ud800": "\udfff"})) == {"\ud800": "\udfff"}
    texts = (None, "a", "é😀", "\ud800é\udfff")
    assert [jsonvalue.well_formed(text) for text in texts] == [None, "a", "é😀", "?é?"]


def test_values_are_the_same_as_json_and_not_as_python():
    assert jsonvalue.equal([1, {"a": 1.0}], [1.0, {"a": 1}])
    for one, other in ((True, 1), (1, True), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ({"a": 1}, {"a": 2}), ([], {})):
        assert not jsonvalue.equal(one, other)
    assert [jsonvalue.depth(value) for value in (1, [], {}, [[]], {"a": [1]})] == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DefinitionError(["one", "two"]), "one, two"),
        (Fault("E", "why"), "E: why"),
        (Fault("E", catchable=False), "E"),
        (ApiError("Code", "text", status=404, fields={"Key": "k"}), "Code: text"),
        (InternalError("broken", story="while"), "broken"),
    ],
)
def test_errors_tell_and_survive_pickling(error, told):
    again = pickle.loads(pickle.dumps(error))
    assert str(error).startswith(told)
    assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)

"""Parameters, prepared statements in SQL, and result reuse, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from steppe.sql.errors import QueryError
from steppe.sql.parameters import bind
from steppe.sql.statement import classify


def test_parameters_take_the_place_of_question_marks_outside_strings(served):
    sql = "SELECT ?, '?' AS mark, x /* ? */ FROM (VALUES 1, 2, 3) AS t(x) WHERE x >= ? ORDER BY x LIMIT ?"
    execution = served.run(sql, ExecutionParameters=["'it''s'", "1 + 1", "1"])
    assert execution["ExecutionParameters"] == ["'it''s'", "1 + 1", "1"]
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert served.object(location) == b'"_col0","mark","x"\n"it\'s","?","2"\n'


@pytest.mark.parametrize("given", [[], ["1"], ["1", "2", "3"]])
def test_a_wrong_number_of_parameters_fails_the_query(served, given):
    said = served.reason("SELECT ?, ?", **({"ExecutionParameters": given} if given else {}))
    count = len(given)
    assert said == f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 2 but found {count}"


@pytest.mark.parametrize(
    "value",
    ["1) OR (1=1", "1, 2", "SELECT 1", "(SELECT 1)", "?", "1 AS x", "'a", "/* 1", "(1, 2)", "*", " ", "x y", "-- 1"],
)
def test_a_parameter_is_one_expression_and_nothing_else(value):
    with pytest.raises(QueryError) as caught:
        bind(classify("SELECT ?"), [value])
    assert caught.value.code == "INVALID_PARAMETER_USAGE"


def test_a_statement_is_prepared_executed_and_forgotten(served):
    served.run("PREPARE twice FROM SELECT ? * 2 AS doubled")
    listed = served.athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"]
    assert [s["StatementName"] for s in listed] == ["twice"]
    execution = served.run("EXECUTE twice USING 21")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "EXECUTE")
    assert served.csv("EXECUTE twice USING 21") == b'"doubled"\n"42"\n'
    assert served.csv("EXECUTE twice", ExecutionParameters=["4"]) == b'"doubled"\n"8"\n'
    served.run("PREPARE twice FROM SELECT ? * 4 AS doubled")
    assert served.csv("EXECUTE twice USING 1") == b'"doubled"\n"4"\n'
    assert "expected 1 but found 2" in served.reason("EXECUTE twice USING 1, 2")
    served.run("DEALLOCATE PREPARE twice")
    assert served.reason("EXECUTE twice USING 1") == "NOT_FOUND: Prepared statement not found: twice"


@pytest.mark.parametrize("sql", ["PREPARE", "PREPARE p", "PREPARE p FROM", "PREPARE p FROM nonsense", "EXECUTE",
                                 "EXECUTE p 1", "EXECUTE p USING", "EXECUTE p USING 1,", "DEALLOCATE p",
                                 "DEALLOCATE PREPARE p q"])  # fmt: skip
def test_what_does_not_parse_is_refused_at_the_start(served, sql):
    with pytest.raises(ClientError) as caught:
        served.start(sql)
    assert caught.value.response["AthenaErrorCode"] == "MALFORMED_QUERY"


REUSE = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}}


def reused(execution):
    return execution["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"]


def test_a_result_is_used_again(served):
    first = served.run("SELECT 4 AS four", **REUSE)
    again = served.run("SELECT 4 AS four", **REUSE)
    assert (reused(first), reused(again)) == (False, True)
    assert again["QueryExecutionId"] != first["QueryExecutionId"]
    assert again["ResultConfiguration"]["OutputLocation"] == first["ResultConfiguration"]["OutputLocation"]
    assert again["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"] == {"Enabled": True, "MaxAgeInMinutes": 5}
    rows = served.athena.get_query_results(QueryExecutionId=again["QueryExecutionId"])["ResultSet"]["Rows"]
    assert [row["Data"][0]["VarCharValue"] for row in rows] == ["four", "4"]
    assert not reused(served.run("SELECT 4 AS four"))


def test_a_result_is_not_used_for_another_query_place_or_when_it_is_gone(served):
    first = served.run("SELECT 5 AS five", **REUSE)
    assert not reused(served.run("SELECT 5 AS fiver", **REUSE))
    assert not reused(served.run("SELECT 5 AS five", QueryExecutionContext={"Database": "other"}, **REUSE))
    bucket, _, key = first["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    served.objects.delete(bucket, key)
    assert not reused(served.run("SELECT 5 AS five", **REUSE))


@pytest.mark.parametrize("sql", ["SELECT random() < 2 AS x", "SELECT now() IS NULL AS x", "SELECT ? IS NULL AS x"])
def test_what_differs_from_run_to_run_is_run(served, sql):
    values = {"ExecutionParameters": ["current_timestamp"]} if "?" in sql else {}
    served.run(sql, **values, **REUSE)
    assert not reused(served.run(sql, **values, **REUSE))

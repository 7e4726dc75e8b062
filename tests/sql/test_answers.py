"""What Athena answers where DuckDB alone would answer otherwise: one line a rule (athena.md, section 8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ANSWERS = [
    ("7 / 2", "3"),
    ("-5 % 3", "-2"),
    ("DECIMAL '1.00' / DECIMAL '3.0'", "0.33"),
    ("DECIMAL '2.5' / 2", "1.3"),
    ("0.1 + 0.2", "0.30000000000000004"),
    ("1e20", "1.0E20"),
    ("1e-7", "1.0E-7"),
    ("1234567e0", "1234567.0"),
    ("12345678e0", "1.2345678E7"),
    ("-0.00012e0", "-1.2E-4"),
    ("CAST(2.5 AS bigint)", "3"),
    ("CAST('2020-01-01 10:00:00.123456' AS timestamp)", "2020-01-01 10:00:00.123"),
    ("TIMESTAMP '2026-10-10 01:02:03'", "2026-10-10 01:02:03"),
    ("CAST('ab' AS char(4)) || 'x'", "ab  x"),
    ("nan() = nan()", "false"),
    ("nan() > 1e0", "false"),
    ("1 BETWEEN 2 AND NULL", "false"),
    ("ARRAY[1, NULL] = ARRAY[1, 2]", None),
    ("ARRAY[1, NULL] = ARRAY[2, 2]", "false"),
    ("ROW(1, NULL) = ROW(2, 1)", "false"),
    ("ROW(1, 'x')", "{1, x}"),
    ("MAP(ARRAY['b', 'a'], ARRAY[1, NULL])", "{a=null, b=1}"),
    ("ARRAY['a', NULL, '']", "[a, null, ]"),
    ("CAST(ARRAY[] AS array(integer))", "[]"),
    ("date_add('month', 1, DATE '2020-01-31')", "2020-02-29"),
    ("date_diff('month', DATE '2020-01-31', DATE '2020-02-28')", "0"),
    ("DATE '2020-01-01' + INTERVAL '1' MONTH", "2020-02-01"),
    ("INTERVAL '90' MINUTE", "0 01:30:00.000"),
    ("INTERVAL '1-2' YEAR TO MONTH", "1-2"),
    ("day_of_week(DATE '2020-01-05')", "7"),
    ("millisecond(TIMESTAMP '2020-01-01 00:00:05.123')", "123"),
    ("slice(ARRAY[1, 2, 3, 4], 2, 2)", "[2, 3]"),
    ("array_position(ARRAY[1], 5)", "0"),
    ("array_distinct(ARRAY[3, 1, 3, NULL, NULL])", "[3, 1, null]"),
    ("element_at(ARRAY[1], 5)", None),
    ("contains(ARRAY[1, NULL], 2)", None),
    ("split_part('a,b', ',', 3)", None),
    ("strpos('banana', 'na', 2)", "5"),
    ("regexp_extract('abc', '\\d+')", None),
    ("regexp_replace('abc', '(b)', '<$1>')", "a<b>c"),
    ("try(1 / 0)", None),
    ("try(CAST('x' AS integer))", None),
    ("try_cast('x' AS integer)", None),
    ("concat('a', NULL)", None),
    ("greatest(1, NULL)", None),
    ("typeof(1.5)", "double"),
    ("typeof('abc')", "varchar(3)"),
    ("json_extract_scalar('{\"a\":{}}', '$.a')", None),
    ('json_extract(\'{"a":{"z":1,"b":2}}\', \'$.a\')', '{"b":2,"z":1}'),
    ("json_extract_scalar('not json', '$.a')", None),
    ("reduce(ARRAY[1, 2], '', (s, x) -> s || CAST(x AS varchar), s -> upper(s || 'z'))", "12Z"),
    ("transform(ARRAY[1, 2], x -> transform(ARRAY[10], y -> x + y))", "[[11], [12]]"),
    ("upper('ß')", "ß"),
    ("U&'\\2603'", "☃"),
]


def test_expressions_have_athenas_text(ask):
    answer = ask("SELECT " + ", ".join(sql for sql, _ in ANSWERS))
    assert not isinstance(answer, str), answer
    wrong = [(sql, got, want) for (sql, want), got in zip(ANSWERS, answer[1], strict=True) if got != want]
    assert wrong == []


FAILURES = [
    ("SELECT a FROM (VALUES 1) t(a), (VALUES 1) u(a)", "AMBIGUOUS_NAME: line 1:8: Column 'a' is ambiguous"),
    ("SELECT 1 WHERE 1 = '1'", "TYPE_MISMATCH: line 1:16: Cannot apply operator: integer = varchar(1)"),
    ("SELECT x, y FROM (VALUES (1, 2)) t(x, y) GROUP BY x", "EXPRESSION_NOT_AGGREGATE: "),
    ("SELECT MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present in map: b"),
    (
        "SELECT ARRAY[1, 2][5]",
        "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 5 > 2",
    ),
    ("SELECT CAST(3000000000 AS integer)", "INVALID_CAST_ARGUMENT: "),
    ("SELECT json_parse('{')", "INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: '{'"),
    ("SELECT CAST(1.5 AS varchar)", "NOT_SUPPORTED: "),
    ("SELECT truncate(1.2)", "NOT_SUPPORTED: "),
    ("SELECT 1_000", "line 1:8: NOT_SUPPORTED: "),
    ("SELECT regexp_like('aaaa', '(a+)+(?=b)')", "NOT_SUPPORTED: the regular expression (a+)+(?=b): "),
    ("SELECT spooky_hash_v2_32(X'00')", "NOT_SUPPORTED: line 1:8: function spooky_hash_v2_32"),
    ("SELECT list_sum(ARRAY[1])", "FUNCTION_NOT_FOUND: line 1:8: Function 'list_sum' not registered"),
    ("SELECT x FROM (VALUES now()) t(x) GROUP BY x", "NOT_SUPPORTED: GROUP BY of timestamp with time zone values"),
    ("SELECT * FROM (VALUES 1) t(a) TABLESAMPLE BERNOULLI (10)", "NOT_SUPPORTED: "),
    ("SELECT count(x) OVER w FROM (VALUES 1) t(x)", "INVALID_WINDOW_REFERENCE: "),
    ("SELECT format('%d', 1.5e0)", "INVALID_FUNCTION_ARGUMENT: Invalid format string: %d (d != java.lang.Double)"),
    ("SELECT format('%', 1)", "INVALID_FUNCTION_ARGUMENT: Invalid format string: % ("),
    ("SELECT format('%99999999d', 1)", "NOT_SUPPORTED: format with a width of more than 10000"),
    ("SELECT url_decode('%zz')", "INVALID_FUNCTION_ARGUMENT: "),
    ("SELECT lpad('x', -1, 'y')", "INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]"),
    ("SELECT rpad('x', 2000000000, 'y')", "NOT_SUPPORTED: a pad to more than 1048576 characters"),
    ("SELECT regexp_extract('abc', 'a', 3)", "INVALID_FUNCTION_ARGUMENT: Pattern has 0 groups. Cannot access group 3"),
    (
        "SELECT regexp_replace('a', 'a', '$5')",
        "INVALID_FUNCTION_ARGUMENT: Illegal replacement sequence: unknown group 5",
    ),
    (
        "SELECT regexp_like(rpad('a', 100000, 'a'), '(?=a*a*a*a*b)c')",
        "NOT_SUPPORTED: the regular expression (?=a*a*a*a*b)c over 100000 characters",
    ),
    (
        "SELECT date_parse('2022-13-01', '%Y-%m-%d')",
        'INVALID_FUNCTION_ARGUMENT: Cannot parse "2022-13-01": Value 13 for ',
    ),
    ("SELECT parse_datetime('x', 'yyyy')", 'INVALID_FUNCTION_ARGUMENT: Invalid format: "x"'),
    ("SELECT date_format(now(), '%D')", "INVALID_FUNCTION_ARGUMENT: %D not currently supported in date format string"),
    ("SELECT json_value('{}', 'lax $.a' ERROR ON EMPTY)", "JSON_VALUE_RESULT_ERROR: "),
    ("SELECT json_query('{', 'lax $' ERROR ON ERROR)", "PATH_EVALUATION_ERROR: "),
    ("SELECT json_exists('{}', '$.a')", "INVALID_PATH: line 1:20: Invalid JSON path: $.a"),
    ("SELECT json_object('a' : 1, 'a' : 2)", "NOT_SUPPORTED: cannot construct a JSON object with duplicate key"),
    ("SELECT json_object('a' : 1, 'a' : 2 WITH UNIQUE KEYS)", "INVALID_FUNCTION_ARGUMENT: duplicate key passed to "),
    (
        "SELECT bit_count(256, 8)",
        "INVALID_FUNCTION_ARGUMENT: Number must be representable with the bits specified. 256 ",
    ),
    ("SELECT soundex(chr(233))", "INVALID_FUNCTION_ARGUMENT: The character is not mapped: "),
    ("SELECT x FROM (VALUES 1) AS t(x) FETCH FIRST 1 ROW WITH TIES", "MISSING_ORDER_BY: "),
    ("SELECT tdigest_agg(1)", "NOT_SUPPORTED: the bytes of a tdigest"),
    (
        "SELECT soundex(1)",
        "TYPE_MISMATCH: line 1:8: Unexpected parameters (integer) for function soundex. Expected: soundex(",
    ),
    (
        "SELECT sequence(1, 60000)",
        "INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 50000 entries",
    ),
]


@pytest.mark.parametrize(("sql", "begins"), FAILURES, ids=[sql for sql, _ in FAILURES])
def test_failures_have_a_code(ask, sql, begins):
    answer = ask(sql)
    assert isinstance(answer, str)
    assert answer.startswith(begins)


def test_relations_joins_and_order(ask):
    assert ask(
        "WITH w(a) AS (SELECT 1 UNION ALL SELECT 2) SELECT w.a, u.b FROM w JOIN (VALUES (1, 'x'), (2, 'y')) u(a, b) "
        "USING (a) ORDER BY b DESC"
    ) == [["a", "b"], ["2", "y"], ["1", "x"]]
    rows = ask("SELECT x FROM UNNEST(sequence(1, 30000)) AS t(x) ORDER BY x DESC")
    assert [row[0] for row in rows[1:]] == [str(i) for i in range(30000, 0, -1)]


def test_hostile_texts_end_with_an_error_and_not_with_a_crash(ask):
    assert isinstance(ask("SELECT " + "(" * 3000 + "1" + ")" * 3000), str)
    assert isinstance(ask("SELECT " + " + ".join(["1"] * 4000)), str | list)
    assert ask("SELECT 'it''s', '\x00', '\u2028'")[0] == ["_col0", "_col1", "_col2"]
    assert isinstance(ask("SELECT " + "ARRAY[" * 300 + "1" + "]" * 300), str)


FUNCTIONS = json.loads((Path(__file__).parent / "cases" / "functions.json").read_text())


@pytest.mark.parametrize("family", FUNCTIONS)
def test_functions_have_trinos_answer(ask, family):
    """One table a family: examples of Trino's manual, and what follows from its text."""
    answer = ask("SELECT " + ", ".join(sql for sql, _ in FUNCTIONS[family]))
    assert not isinstance(answer, str), answer
    wrong = [(sql, got, want) for (sql, want), got in zip(FUNCTIONS[family], answer[1], strict=True) if got != want]
    assert wrong == []

"""What kind of statement a text is: what Athena calls it, where its result goes, who runs it.

A text that is no statement at all is refused here, at StartQueryExecution; a statement that Athena has and this engine
lacks is classified like every other and fails by name when it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steppe.sql.errors import MalformedQuery, position
from steppe.sql.tokens import Token, read

Family = Literal["query", "definition", "writing", "explain", "prepared", "unsupported"]
Output = Literal["{id}.csv", "{id}.txt", "{id}", "tables/{id}"]

QUERY_BYTES_MAX = 262_144


@dataclass(frozen=True, slots=True)
class Statement:
    """A classified statement.

    Attributes:
        text: the statement without its semicolon; offsets in it are offsets in what was sent.
        family: a query for DuckDB, a definition for the catalog, a query whose rows are written to objects, one about
            prepared statements, EXPLAIN, or what is refused when it runs.
        type: Athena's StatementType: DML, DDL or UTILITY.
        substatement_type: Athena's SubstatementType.
        output: the name of the result object below the output location, with `{id}` for the query's id.
        tokens: its words.
    """

    text: str
    family: Family
    type: str
    substatement_type: str
    output: Output
    tokens: tuple[Token, ...]


# The longest row that fits decides. `*` stands for any one word. Source: observed-athena.md, section 9.
_KINDS: tuple[tuple[str, Family, str, str, Output], ...] = (
    ("SELECT", "query", "DML", "SELECT", "{id}.csv"),
    ("WITH", "query", "DML", "SELECT", "{id}.csv"),
    ("VALUES", "query", "DML", "SELECT", "{id}.csv"),
    ("TABLE", "query", "DML", "SELECT", "{id}.csv"),
    ("(", "query", "DML", "SELECT", "{id}.csv"),
    ("EXECUTE", "prepared", "DML", "EXECUTE", "{id}.csv"),
    ("EXPLAIN", "explain", "DML", "EXPLAIN", "{id}.txt"),
    ("INSERT", "writing", "DML", "INSERT", "{id}"),
    ("UPDATE", "unsupported", "DML", "UPDATE", "{id}.csv"),
    ("DELETE", "unsupported", "DML", "DELETE", "{id}.csv"),
    ("MERGE", "unsupported", "DML", "MERGE", "{id}.csv"),
    ("UNLOAD", "writing", "DML", "UNLOAD", "{id}"),
    ("VACUUM", "unsupported", "DML", "VACUUM", "{id}.txt"),
    ("OPTIMIZE", "unsupported", "DDL", "OPTIMIZE", "{id}.txt"),
    ("PREPARE", "prepared", "UTILITY", "PREPARE", "{id}.txt"),
    ("DEALLOCATE", "prepared", "UTILITY", "DEALLOCATE", "{id}.txt"),
    ("CREATE DATABASE", "definition", "DDL", "CREATE_DATABASE", "{id}.txt"),
    ("CREATE SCHEMA", "definition", "DDL", "CREATE_DATABASE", "{id}.txt"),
    ("CREATE EXTERNAL TABLE", "definition", "DDL", "CREATE_TABLE", "{id}.txt"),
    ("CREATE TABLE", "definition", "DDL", "CREATE_TABLE", "{id}.txt"),
    ("CREATE VIEW", "definition", "DDL", "CREATE_VIEW", "{id}.txt"),
    ("CREATE OR REPLACE VIEW", "definition", "DDL", "CREATE_VIEW", "{id}.txt"),
    ("CREATE PROTECTED MULTI DIALECT VIEW", "unsupported", "DDL", "CREATE_VIEW", "{id}.txt"),
    ("DROP DATABASE", "definition", "DDL", "DROP_DATABASE", "{id}.txt"),
    ("DROP SCHEMA", "definition", "DDL", "DROP_DATABASE", "{id}.txt"),
    ("DROP TABLE", "definition", "DDL", "DROP_TABLE", "{id}.txt"),
    ("DROP VIEW", "definition", "DDL", "DROP_VIEW", "{id}.txt"),
    ("ALTER TABLE", "definition", "DDL", "ALTER_TABLE", "{id}.txt"),
    ("ALTER DATABASE", "unsupported", "DDL", "ALTER_DATABASE", "{id}.txt"),
    ("ALTER SCHEMA", "unsupported", "DDL", "ALTER_DATABASE", "{id}.txt"),
    ("ALTER VIEW", "unsupported", "DDL", "ALTER_VIEW", "{id}.txt"),
    ("MSCK REPAIR TABLE", "definition", "DDL", "MSCK_REPAIR", "{id}.txt"),
    ("SHOW DATABASES", "definition", "UTILITY", "SHOW_DATABASES", "{id}.txt"),
    ("SHOW SCHEMAS", "definition", "UTILITY", "SHOW_DATABASES", "{id}.txt"),
    ("SHOW TABLES", "definition", "UTILITY", "SHOW_TABLES", "{id}.txt"),
    ("SHOW COLUMNS", "definition", "UTILITY", "SHOW_COLUMNS", "{id}.txt"),
    ("SHOW CREATE TABLE", "definition", "UTILITY", "SHOW_CREATE_TABLE", "{id}.txt"),
    ("SHOW CREATE VIEW", "definition", "UTILITY", "SHOW_CREATE_VIEW", "{id}.txt"),
    ("SHOW PARTITIONS", "definition", "UTILITY", "SHOW_PARTITIONS", "{id}.txt"),
    ("SHOW TBLPROPERTIES", "definition", "UTILITY", "SHOW_TABLE_PROPERTIES", "{id}.txt"),
    ("SHOW VIEWS", "definition", "UTILITY", "SHOW_VIEWS", "{id}.txt"),
    ("SHOW FUNCTIONS", "unsupported", "UTILITY", "SHOW_FUNCTIONS", "{id}.csv"),
    ("DESCRIBE", "definition", "UTILITY", "DESCRIBE_TABLE", "{id}.txt"),
    ("DESC", "definition", "UTILITY", "DESCRIBE_TABLE", "{id}.txt"),
)

_FIRST_WORDS = (
    "'(', 'ALTER', 'ANALYZE', 'CALL', 'COMMENT', 'COMMIT', 'CREATE', 'DEALLOCATE', 'DELETE', 'DENY', 'DESC', "
    "'DESCRIBE', 'DROP', 'EXECUTE', 'EXPLAIN', 'GRANT', 'INSERT', 'MERGE', 'PREPARE', 'REFRESH', 'RESET', 'REVOKE', "
    "'ROLLBACK', 'SET', 'SHOW', 'START', 'TABLE', 'TRUNCATE', 'UPDATE', 'USE', 'VALUES', 'WITH', <query>"
)


def classify(text: str) -> Statement:
    """Say what a statement is.

    Raises:
        MalformedQuery: it is empty, several, too long, or begins like no statement.
    """
    if len(text.encode("utf-8", "surrogatepass")) > QUERY_BYTES_MAX:
        raise MalformedQuery(
            "1 validation error detected: Value at 'queryString' failed to satisfy constraint: "
            f"Member must have length less than or equal to {QUERY_BYTES_MAX}"
        )
    tokens = read(text)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
        if tokens and tokens[-1].text == ";":
            raise MalformedQuery(f"Only one sql statement is allowed. Got: {text.strip()}")
    if not tokens:
        raise MalformedQuery("Query string cannot be empty")
    if any(token.kind == "sign" and token.text == ";" for token in tokens):
        raise MalformedQuery(f"Only one sql statement is allowed. Got: {text.strip()}")
    words = [token.upper for token in tokens]
    fits = [row for row in _KINDS if words[: len(row[0].split())] == row[0].split()]
    if not fits:
        raise MalformedQuery(_no_statement(text, tokens))
    _, family, kind, substatement, output = max(fits, key=lambda row: len(row[0]))
    if substatement == "CREATE_TABLE" and words[1] == "TABLE" and _selects(words):
        family, substatement, output = "writing", "CREATE_TABLE_AS_SELECT", "tables/{id}"
    if substatement == "ALTER_TABLE":
        substatement += _alteration(words)
    return Statement(text[: tokens[-1].end], family, kind, substatement, output, tuple(tokens))


_ALTERATIONS = (
    ("ADD", "COLUMNS", "_ADD_COLUMN"),
    ("ADD", "", "_ADD_PARTITION"),
    ("DROP", "", "_DROP_PARTITION"),
    ("REPLACE", "COLUMNS", "_REPLACE_COLUMN"),
    ("CHANGE", "", "_CHANGE_COLUMN"),
    ("SET", "LOCATION", "_SET_LOCATION"),
    ("SET", "TBLPROPERTIES", "_SET_TBLPROPERTIES"),
    ("RENAME", "", "_RENAME"),
)


def _alteration(words: list[str]) -> str:
    """What follows ALTER_TABLE in the name of the statement's kind; "" when it is not known."""
    at = 5 if words[3:4] == ["."] else 3
    if words[at : at + 1] == ["PARTITION"] and ")" in words:
        return "_RENAME_PARTITION" if "RENAME" in words[words.index(")") :] else "_SET_LOCATION"
    given = [*words[at : at + 2], "", ""]
    return next((kind for first, second, kind in _ALTERATIONS if given[0] == first and second in ("", given[1])), "")


def _selects(words: list[str]) -> bool:
    """Whether a CREATE TABLE goes on with AS and a query, outside brackets."""
    depth = 0
    for word, following in zip(words, [*words[1:], ""], strict=True):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "AS" and following in ("SELECT", "WITH", "VALUES", "TABLE", "("):
            return True
    return False


def _no_statement(text: str, tokens: list[Token]) -> str:
    """Trino's parse error for a text that begins like no statement."""
    starts = {row[0].split()[0] for row in _KINDS}
    odd = tokens[1] if tokens[0].upper in starts and len(tokens) > 1 else tokens[0]
    if odd is tokens[0] and odd.upper in starts:
        return f"{position(text, odd.end)}: mismatched input '<EOF>'. Expecting: <identifier>"
    expecting = _FIRST_WORDS
    if odd is not tokens[0]:
        first = tokens[0].upper
        follow = {row[0].split()[1] for row in _KINDS if row[0].startswith(first + " ")}
        expecting = ", ".join(f"'{word}'" for word in sorted(follow))
    return f"{position(text, odd.start)}: mismatched input '{odd.text}'. Expecting: {expecting}"

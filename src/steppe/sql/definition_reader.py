"""Hive's definitions, read: the tokens of CREATE, ALTER, DROP, SHOW, DESCRIBE, MSCK become a plan, word by word.

Every clause is understood or refused. `definitions` carries plans out.
"""

from __future__ import annotations

import re

from steppe.base.jsonvalue import JsonValue
from steppe.sql.catalog import Document
from steppe.sql.errors import MalformedQuery, QueryError, not_supported, position
from steppe.sql.formats import CLASSES, HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, ORC, PARQUET, REGEX
from steppe.sql.types import TypeTextError, hive, parse_hive
from steppe.sql.words import Words

_SERDES = (LAZY_SIMPLE, OPEN_CSV, HIVE_JSON, OPENX_JSON, ORC, PARQUET, REGEX)
_STORED_AS = {"TEXTFILE": LAZY_SIMPLE, "PARQUET": PARQUET, "ORC": ORC, "JSON": HIVE_JSON}

Plan = dict[str, JsonValue]
"""What to do: `kind` names it, the rest depends on the kind."""


class Reader(Words):
    """Reads the tokens of a definition into a plan."""

    def plan(self) -> Plan:
        """What to do.

        Raises:
            MalformedQuery: the text is not what Hive's grammar has.
            QueryError: NOT_SUPPORTED for a clause that this engine lacks.
        """
        first, second = self._word(), self._word()
        match (first, second):
            case ("CREATE", "DATABASE" | "SCHEMA"):
                plan = self._create_database()
            case ("CREATE" | "SHOW", "VIEW" | "OR" | "VIEWS") | ("DROP", "VIEW"):
                plan = self._view(first, second)
            case ("CREATE", _):
                plan = self._create_table(external=second == "EXTERNAL")
            case ("DROP", "DATABASE" | "SCHEMA"):
                plan = self._drop("drop_database")
                plan["cascade"] = self.optional("CASCADE")
                self.optional("RESTRICT")
            case ("DROP", "TABLE"):
                plan = self._drop("drop_table")
                self.optional("PURGE")
            case ("SHOW", "DATABASES" | "SCHEMAS"):
                plan = {"kind": "show_databases", "like": self._pattern(self.optional("LIKE"))}
            case ("SHOW", "TABLES"):
                database = self._name()[1] if self.optional("IN") or self.optional("FROM") else None
                self.optional("LIKE")
                plan = {"kind": "show_tables", "database": database, "like": self._pattern(False)}
            case ("SHOW", "COLUMNS"):
                if not (self.optional("IN") or self.optional("FROM")):
                    raise self.mismatch("'FROM', 'IN'")
                plan = self._of_table("show_columns")
                if self.optional("IN") or self.optional("FROM"):
                    plan["database"] = self._name()[1]
            case ("ALTER", "TABLE"):
                plan = self._alter_table()
            case ("MSCK", _):
                self.expect("TABLE")
                plan = self._of_table("repair_table")
            case ("SHOW", "PARTITIONS"):
                plan = self._of_table("show_partitions")
                plan["values"] = self._partition_values() if self.optional("PARTITION") else {}
            case ("SHOW", "CREATE") if self.optional("VIEW"):
                database, label = self.name()
                plan = {"kind": "show_create_view", "database": database, "name": label}
            case ("SHOW", "CREATE"):
                self.expect("TABLE")
                plan = self._of_table("show_create_table")
            case ("SHOW", _):
                plan = self._of_table("show_properties")
                plan["key"] = None
                if self.optional("("):
                    plan["key"] = self._string()
                    self.expect(")")
            case _:
                self.at = 1
                if self.optional("EXTENDED"):
                    raise not_supported("DESCRIBE EXTENDED")
                formatted = self.optional("FORMATTED")
                plan = self._of_table("describe_formatted" if formatted else "describe")
        if self.at < len(self.tokens):
            raise self.mismatch("<EOF>")
        return plan

    # -- words

    def _word(self) -> str:
        word = self.peek()
        self.at += 1
        return word

    def _string(self) -> str:
        token = self.next("string", expecting="<string>")
        body = token.text[1:-1].replace("''", "'")
        return re.sub(r"\\(u[0-9a-fA-F]{4}|[0-7]{3}|.)", _unescaped, body, flags=re.DOTALL)

    def _identifier(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is not None and token.kind == "quoted":
            seen = self.text[: token.end][-60:]
            raise MalformedQuery(f"{position(self.text, token.start)}: no viable alternative at input '{seen}'")
        return self.next("word", "backquoted", expecting="<identifier>").name.lower()

    def _name(self) -> tuple[str | None, str]:
        """[database.]name, also as one back-quoted text."""
        first = self._identifier()
        if self.optional("."):
            second = self._identifier()
            if self.optional("."):
                return second, self._identifier()
            return first, second
        return None, first

    def _of_table(self, kind: str) -> Plan:
        database, label = self._name()
        return {"kind": kind, "database": database, "name": label}

    def _pattern(self, needed: bool) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "string":
            return self._string()
        if needed:
            raise self.mismatch("<string>")
        return None

    def _drop(self, kind: str) -> Plan:
        quiet = self.optional("IF", "EXISTS")
        return {**self._of_table(kind), "quiet": quiet}

    def _properties(self) -> dict[str, str]:
        """('key'='value', ...)."""
        found = {}
        self.expect("(")
        while True:
            key = self._string()
            self.expect("=")
            found[key] = self._string()
            if not self.optional(","):
                break
        self.expect(")")
        return found

    # -- CREATE

    def _create_database(self) -> Plan:
        quiet = self.optional("IF", "NOT", "EXISTS")
        label = self._identifier()
        document: Document = {}
        while self.at < len(self.tokens):
            if self.optional("COMMENT"):
                document["Description"] = self._string()
            elif self.optional("LOCATION"):
                document["LocationUri"] = self._string()
            elif self.optional("WITH", "DBPROPERTIES"):
                document["Parameters"] = self._properties()
            else:
                raise self.mismatch("<EOF>")
        return {"kind": "create_database", "name": label, "quiet": quiet, "document": document}

    def _create_table(self, *, external: bool) -> Plan:
        if external:
            self.expect("TABLE")
        quiet = self.optional("IF", "NOT", "EXISTS")
        database, label = self._name()
        columns = self._columns()
        clauses = self._clauses()
        if not clauses.get("location"):
            raise MalformedQuery("No location was specified for table. An S3 location must be specified")
        if clauses["parameters"].get("table_type", "").upper() == "ICEBERG":
            raise not_supported("Iceberg tables")
        if not external:
            place = position(self.text, self.tokens[1].start)
            raise MalformedQuery(f"{place}: only external tables and Iceberg tables can be created without AS")
        if not re.fullmatch(r"s3[an]?://[^/]+(/.*)?", clauses["location"]):
            raise MalformedQuery("The location must be an S3 path: s3://bucket/prefix/")
        keys = clauses.get("partition_keys", [])
        for repeated in {column["Name"] for column in columns} & {key["Name"] for key in keys}:
            raise QueryError("FAILED", f"SemanticException [Error 10035]: Column repeated in partitioning: {repeated}")
        document: Document = {
            "Name": label,
            "TableType": "EXTERNAL_TABLE",
            "Retention": 0,
            "Parameters": {"EXTERNAL": "TRUE", **clauses["parameters"]},
            "PartitionKeys": keys,
            "StorageDescriptor": {
                "Columns": columns,
                "Location": clauses["location"],
                "Compressed": False,
                "NumberOfBuckets": -1,
                "BucketColumns": [],
                "SortColumns": [],
                "StoredAsSubDirectories": False,
                **_storage(clauses),
            },
        }
        if clauses.get("comment"):
            document["Parameters"]["comment"] = clauses["comment"]
        return {"kind": "create_table", "database": database, "quiet": quiet, "document": document}

    # -- ALTER TABLE

    def _alter_table(self) -> Plan:
        plan = self._of_table("")
        if self.optional("ADD", "COLUMNS") or self.optional("REPLACE", "COLUMNS"):
            word = self.tokens[self.at - 2].upper
            return {**plan, "kind": f"{word.lower()}_columns", "columns": self._columns()}
        if self.optional("ADD"):
            quiet = self.optional("IF", "NOT", "EXISTS")
            partitions = self._partitions(with_location=True)
            return {**plan, "kind": "add_partitions", "quiet": quiet, "partitions": partitions}
        if self.optional("DROP"):
            quiet = self.optional("IF", "EXISTS")
            partitions = self._partitions(with_location=False)
            return {**plan, "kind": "drop_partitions", "quiet": quiet, "partitions": partitions}
        if self.optional("CHANGE"):
            self.optional("COLUMN")
            old = self._identifier()
            (column,) = self._column_list(1)
            if self.optional("FIRST") or self.optional("AFTER"):
                raise not_supported("ALTER TABLE CHANGE COLUMN with a place")
            return {**plan, "kind": "change_column", "old": old, "column": column}
        values = None
        if self.optional("PARTITION"):
            values = self._partition_values()
            if self.optional("RENAME", "TO", "PARTITION"):
                return {**plan, "kind": "rename_partition", "values": values, "to": self._partition_values()}
        if self.optional("SET", "LOCATION"):
            return {**plan, "kind": "set_location", "values": values, "location": self._string()}
        if values is None and self.optional("SET", "TBLPROPERTIES"):
            return {**plan, "kind": "set_properties", "parameters": self._properties()}
        if self.peek() == "RENAME":
            raise not_supported("ALTER TABLE RENAME")
        raise self.mismatch("'ADD', 'CHANGE', 'DROP', 'PARTITION', 'REPLACE', 'SET'")

    def _partitions(self, *, with_location: bool) -> list[Document]:
        found: list[Document] = []
        self.expect("PARTITION")
        while True:
            entry: Document = {"values": self._partition_values()}
            if with_location and self.optional("LOCATION"):
                entry["location"] = self._string()
            found.append(entry)
            self.optional(",")
            if not self.optional("PARTITION"):
                return found

    def _partition_values(self) -> dict[str, str]:
        """(key = value, ...)."""
        values = {}
        self.expect("(")
        while True:
            key = self._identifier()
            self.expect("=")
            self.optional("DATE")
            if self.tokens[self.at : self.at + 1] and self.tokens[self.at].kind == "string":
                values[key] = self._string()
            else:
                sign = "-" if self.optional("-") else ""
                values[key] = sign + self.next("number", expecting="<string>, <number>").text
            if not self.optional(","):
                break
        self.expect(")")
        return values

    # -- views

    def _view(self, first: str, second: str) -> Plan:
        """CREATE [OR REPLACE] VIEW, DROP VIEW, SHOW VIEWS: Trino's statements, whose names may be in double quotes."""
        if first == "SHOW":
            database = self.name()[1] if self.optional("IN") or self.optional("FROM") else None
            self.optional("LIKE")
            return {"kind": "show_views", "database": database, "like": self._pattern(False)}
        if first == "DROP":
            quiet = self.optional("IF", "EXISTS")
            database, label = self.name()
            return {"kind": "drop_view", "database": database, "name": label, "quiet": quiet}
        if second == "OR":
            self.expect("REPLACE")
            self.expect("VIEW")
        database, label = self.name()
        names: list[str] = []
        if self.optional("("):
            names.append(self.identifier())
            while self.optional(","):
                names.append(self.identifier())
            self.expect(")")
        self.expect("AS")
        if self.at >= len(self.tokens):
            raise self.mismatch("<query>")
        query = self.text[self.tokens[self.at].start : self.tokens[-1].end]
        self.at = len(self.tokens)
        return {"kind": "create_view", "database": database, "name": label, "replace": second == "OR",
                "names": names, "query": query}  # fmt: skip

    def _columns(self) -> list[Document]:
        self.expect("(")
        columns = self._column_list()
        self.expect(")")
        labels = [entry["Name"] for entry in columns]
        for label in labels:
            if labels.count(label) > 1:
                raise QueryError("FAILED", f"SemanticException [Error 10036]: Duplicate column name: {label}")
        return columns

    def _column_list(self, most: int | None = None) -> list[Document]:
        columns: list[Document] = []
        while True:
            entry: Document = {"Name": self._identifier(), "Type": self._type()}
            if self.optional("COMMENT"):
                entry["Comment"] = self._string()
            columns.append(entry)
            if len(columns) == most or not self.optional(","):
                return columns

    def _type(self) -> str:
        """A Hive type: the tokens up to the comma or bracket that ends it."""
        start, depth = self.at, 0
        while self.at < len(self.tokens):
            word = self.peek()
            if depth == 0 and (word in (",", ")", "COMMENT") and self.at > start):
                break
            depth += (word in ("<", "(")) - (word in (">", ")"))
            self.at += 1
        said = self.text[self.tokens[start].start : self.tokens[self.at - 1].end] if self.at > start else ""
        try:
            return hive(parse_hive(said.replace("`", "")))
        except TypeTextError:
            place = position(self.text, self.tokens[min(start, len(self.tokens) - 1)].start)
            raise MalformedQuery(f"{place}: mismatched input '{said[:60]}'. Expecting: <type>") from None

    def _clauses(self) -> Document:
        found: Document = {"parameters": {}, "serde_parameters": {}}
        while self.at < len(self.tokens):
            if self.optional("COMMENT"):
                found["comment"] = self._string()
            elif self.optional("PARTITIONED", "BY"):
                found["partition_keys"] = self._columns()
            elif self.optional("CLUSTERED", "BY"):
                raise not_supported("CLUSTERED BY")
            elif self.optional("ROW", "FORMAT", "DELIMITED"):
                found["serde_parameters"] |= self._delimited()
            elif self.optional("ROW", "FORMAT", "SERDE"):
                found["serde"] = self._string()
            elif self.optional("WITH", "SERDEPROPERTIES"):
                found["serde_parameters"] |= self._properties()
            elif self.optional("STORED", "AS", "INPUTFORMAT"):
                found["input"] = self._string()
                self.expect("OUTPUTFORMAT")
                found["output"] = self._string()
            elif self.optional("STORED", "AS"):
                found["format"] = self._identifier().upper()
            elif self.optional("LOCATION"):
                found["location"] = self._string()
            elif self.optional("TBLPROPERTIES"):
                found["parameters"] |= self._properties()
            else:
                raise self.mismatch("'COMMENT', 'LOCATION', 'PARTITIONED', 'ROW', 'STORED', 'TBLPROPERTIES', <EOF>")
        return found

    def _delimited(self) -> dict[str, str]:
        parameters: dict[str, str] = {}
        while True:
            if self.optional("FIELDS", "TERMINATED", "BY"):
                parameters["field.delim"] = parameters["serialization.format"] = self._string()
            elif self.optional("ESCAPED", "BY"):
                parameters["escape.delim"] = self._string()
            elif self.optional("COLLECTION", "ITEMS", "TERMINATED", "BY"):
                parameters["collection.delim"] = self._string()
            elif self.optional("MAP", "KEYS", "TERMINATED", "BY"):
                parameters["mapkey.delim"] = self._string()
            elif self.optional("LINES", "TERMINATED", "BY"):
                if self._string() != "\n":
                    raise not_supported("LINES TERMINATED BY anything but a line feed")
            elif self.optional("NULL", "DEFINED", "AS"):
                parameters["serialization.null.format"] = self._string()
            else:
                return parameters


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}


def _unescaped(match: re.Match[str]) -> str:
    """Hive's escapes in strings: a letter, three octal digits, or u and four hexadecimal ones after the back slash."""
    said = match.group(1)
    if said[0] == "u" and len(said) == 5:
        return chr(int(said[1:], 16))
    if len(said) == 3:
        return chr(int(said, 8))
    return _ESCAPES.get(said, said)


def _storage(clauses: Document) -> Document:
    """InputFormat, OutputFormat and SerdeInfo of the clauses.

    Raises:
        QueryError: NOT_SUPPORTED, with the format's name.
    """
    named, serde = clauses.get("format"), clauses.get("serde")
    if named is not None and named not in _STORED_AS:
        raise not_supported(f"STORED AS {named}")
    if serde is None:
        serde = _STORED_AS[named or "TEXTFILE"]
    if serde not in _SERDES:
        raise not_supported(f"SerDe {serde}")
    reading, writing = CLASSES[serde]
    if clauses.get("input") not in (None, reading):
        raise not_supported(f"INPUTFORMAT {clauses['input']}")
    parameters = dict(clauses["serde_parameters"])
    if serde != OPEN_CSV:
        parameters.setdefault("serialization.format", "1")
    return {"InputFormat": reading, "OutputFormat": clauses.get("output") or writing,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": parameters}}  # fmt: skip

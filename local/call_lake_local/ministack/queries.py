"""Run one SELECT in DuckDB: attach its tables, translate its text, print its rows as Athena does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import duckdb
from sqlglot import exp

from call_lake_local.ministack import trino_rules, trino_sql
from call_lake_local.ministack.locations import Partition
from call_lake_local.ministack.results import ColumnType, column_type, has_zone, text_of
from call_lake_local.ministack.tables import Table, find_table, relation_of
from call_lake_local.ministack.views import query_of_view

_CATALOGS = ("", "awsdatacatalog")


class QueryError(Exception):
    """Athena would end this query as FAILED with this reason."""


@dataclass(slots=True)
class Answer:
    """What a statement gave. ``rows`` holds printed values, None for NULL."""

    columns: list[str] = field(default_factory=list)
    types: list[ColumnType] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned_bytes: int = 0
    manifest_uri: str | None = None  # of CREATE TABLE AS and UNLOAD: names the files written


@cache
def _database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(":memory:")
    for macro in trino_sql.MACROS:
        database.execute(f"CREATE MACRO {macro}")
    return database


@dataclass(slots=True)
class Session:
    """One query's DuckDB, and what it was given to read."""

    connection: duckdb.DuckDBPyConnection
    database: str
    scanned_bytes: int = 0
    folders: list[str] = field(default_factory=list)
    _views: int = 0

    @classmethod
    def open(cls, database: str) -> "Session":
        connection = _database().cursor()  # has its own temporary views
        for setting in trino_sql.SETTINGS:
            connection.execute(setting)
        return cls(connection, database)

    def translated(self, query: exp.Expression) -> str:
        """DuckDB's text of the query, whose tables it can then read. Raises QueryError, BadTable, UnsupportedSql."""
        trino_rules.check(query, self.database, self._columns_of_tables(query))
        self._attach(query, self.database)
        return str(trino_sql.to_duckdb(query).sql("duckdb"))

    def run(self, query: exp.Expression) -> Answer:
        zones = [trino_sql.zone_of(column) for column in query.selects]
        sql = self.translated(query)
        described = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        kinds = [str(row[1]) for row in described]
        if any(has_zone(kind) for kind in kinds):
            sql = _with_printed_zones(sql, kinds, zones)
        cursor = self.connection.execute(sql)
        rows = [[text_of(value) for value in row] for row in cursor.fetchall()]
        types = [column_type(kind) for kind in kinds]
        for place, zone in enumerate(zones[: len(types)]):
            if zone and types[place] == "timestamp":
                types[place] = ColumnType("timestamp with time zone")
                for row in rows:
                    row[place] = f"{row[place]} {zone}" if row[place] is not None else None
        return Answer([str(row[0]) for row in described], types, rows, self.scanned_bytes)

    def _columns_of_tables(self, query: exp.Expression) -> dict[tuple[str, str], trino_rules.Columns]:
        names = {((node.db or self.database).lower(), node.name.lower()) for node in query.find_all(exp.Table)}
        tables = {name: find_table(*name) for name in names}
        return {name: dict(table.columns) for name, table in tables.items() if table is not None}

    def _attach(self, query: exp.Expression, database: str) -> None:
        for node in list(query.find_all(exp.Table)):
            if isinstance(node.this, exp.Identifier) and not _names_a_cte(node):
                self._attach_one(node, database)
        for column in query.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)

    def _attach_one(self, node: exp.Table, database: str) -> None:
        name, schema = node.name.lower(), (node.db or database).lower()
        table = find_table(schema, name) if node.catalog.lower() in _CATALOGS else None
        if table is None:
            raise QueryError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{schema}.{name}' does not exist")
        if table.view_text is not None:
            inner, inner_database = query_of_view(table)
            self._attach(inner, inner_database or schema)
            sql = f"({trino_sql.to_duckdb(inner).sql('duckdb')})"
        else:
            relation = relation_of(table, lambda found: self._chosen(found, node, table), self.connection)
            self.scanned_bytes += relation.size_bytes
            self.folders.extend(relation.folders)
            sql = relation.sql
        view = f"__attached_{self._views}"
        self._views += 1
        self.connection.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM {sql}")  # noqa: S608
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        node.set("this", exp.to_identifier(view))
        node.set("db", None)
        node.set("catalog", None)

    def _chosen(self, found: list[Partition], node: exp.Table, table: Table) -> list[Partition]:
        """The partitions that the WHERE around this table can be true for; all of them where that is hard to say."""
        conditions = _partition_conditions(node, table.partition_keys)
        if not conditions or not found:
            return found
        keys = ", ".join(
            f'CAST(unnest(${place + 2}) AS {kind}) AS "{key}"' for place, (key, kind) in enumerate(table.key_types)
        )
        source = exp.select("place").from_(exp.alias_(exp.to_table("known"), node.alias_or_name, table=True))
        text = trino_sql.to_duckdb(source.where(*conditions)).sql("duckdb")
        values = [list(column) for column in zip(*(values for values, _ in found), strict=True)]
        try:
            places = self.connection.execute(
                f"WITH known AS (SELECT unnest($1) AS place, {keys}) {text}",
                [list(range(len(found))), *values],
            ).fetchall()
        except duckdb.Error:  # e.g. a cast that fails for a value: the query itself will report it
            return found
        return [found[place] for (place,) in places]


def _names_a_cte(node: exp.Table) -> bool:
    """Whether an unqualified name means a WITH query, which is not visible inside its own definition."""
    if node.db:
        return False
    own: exp.Expression | None = None
    scope = node.parent
    while scope is not None:
        if isinstance(scope, exp.CTE):
            own = scope
        with_ = scope.args.get("with_")
        for cte in with_.expressions if with_ is not None else []:
            if cte.alias.lower() == node.name.lower() and (cte is not own or with_.recursive):
                return True
        scope = scope.parent
    return False


def _partition_conditions(node: exp.Table, keys: Sequence[str]) -> list[exp.Expression]:
    """The conjuncts of the WHERE that name only this table's partition columns."""
    select = node.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if select is None or where is None or not isinstance(node.parent, exp.From | exp.Join):
        return []
    joins = select.args.get("joins") or []
    if any(join.side for join in joins):  # an outer join turns rows that are left out into rows of NULL
        return []
    tables = {node.alias_or_name.lower(), *([] if joins else [""])}  # a bare name may be another table's in a join
    columns = {key.lower() for key in keys}

    def usable(condition: exp.Expression) -> bool:
        used = list(condition.find_all(exp.Column))
        return (
            bool(used)
            and all(column.name.lower() in columns and column.table.lower() in tables for column in used)
            and not condition.find(exp.Query, exp.Rand, exp.Anonymous)
        )

    conjuncts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    return [condition.copy() for condition in conjuncts if usable(condition)]


def _with_printed_zones(sql: str, kinds: Sequence[str], zones: Sequence[str | None]) -> str:
    columns = [
        f"{_printed(f'c{place}', zones[place] if place < len(zones) else None)} AS c{place}"
        if has_zone(kind)
        else f"c{place}"
        for place, kind in enumerate(kinds)
    ]
    names = ", ".join(f"c{place}" for place in range(len(kinds)))
    return f"SELECT {', '.join(columns)} FROM ({sql}) AS q({names})"  # noqa: S608


def _printed(column: str, zone: str | None) -> str:
    """The text of an instant on the clock of its zone, UTC by default, with the zone behind it."""
    named = (zone or "UTC").replace("'", "''")
    local = f"{column} AT TIME ZONE '{named}'"
    if offset := re.fullmatch(r"([+-])(\d\d):(\d\d)", named):
        sign, hours, minutes = offset.groups()
        local = f"{column} AT TIME ZONE 'UTC' {sign} INTERVAL '{int(hours) * 60 + int(minutes)} minutes'"
    return f"strftime({local}, '%Y-%m-%d %H:%M:%S.%g') || ' {named}'"

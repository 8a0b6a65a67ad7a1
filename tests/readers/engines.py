"""Lets one engine read the lakes of a job and prints what it found: one JSON object a line.

    engines.py ENGINE JOB.json

readers_test.go writes the job and compares. An engine gets the SQL that `chatlake lake sql` prints, or the files that
`chatlake lake files` lists, and nothing else of chatlake.
"""

import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

import pyarrow as pa
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
PLAIN = {"text", "bytes", "integer", "instant"}


def plain(value, kind):
    """A value of a column without parts, as readers_test.go writes it too."""
    if value is None:
        return "-"
    if kind == "bytes":
        return hashlib.md5(value).hexdigest()
    if kind == "instant" and isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError("an instant without a zone")
        value = (value - EPOCH) // datetime.timedelta(microseconds=1)
    if kind == "text" and not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return "=" + str(value)


def any_value(value, column):
    kind, parts = column["kind"], column.get("children") or []
    if value is None:
        return None
    if kind == "list":
        return [any_value(v, parts[0]) for v in value]
    if kind == "map":
        pairs = value.items() if isinstance(value, dict) else value
        return sorted([any_value(k, parts[0]), any_value(v, parts[1])] for k, v in pairs)
    if kind == "struct":
        values = [value[p["name"]] for p in parts] if isinstance(value, dict) else list(value)
        return [any_value(v, p) for v, p in zip(values, parts, strict=True)]
    if kind == "number":
        return float(value).hex()
    if kind == "boolean":
        return bool(value)
    return plain(value, kind)


def digest(lines):
    return hashlib.md5("\x1e".join(sorted(lines)).encode()).hexdigest()


def instants(column):
    """Instants as microseconds: not every engine's times become the same objects of Python."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise ValueError("an instant without a zone")
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    return column


def rows_of(found, columns):
    if isinstance(found, pa.RecordBatchReader):
        found = found.read_all()
    if isinstance(found, pa.Table):
        return list(zip(*(instants(found.column(c["name"])).to_pylist() for c in columns)))
    return found


def report(check, table, found, columns, **more):
    """Prints how many rows there are, and the checksums of the columns without parts and of all columns."""
    rows = rows_of(found, columns)
    simple = ["\x1f".join(plain(v, c["kind"]) for v, c in zip(row, columns) if c["kind"] in PLAIN) for row in rows]
    whole = [json.dumps([any_value(v, c) for v, c in zip(row, columns)]) for row in rows]
    if os.environ.get("READERS_DUMP"):
        pathlib.Path(os.environ["READERS_DUMP"], f"{sys.argv[1]}-{check}-{table}".replace("/", "_")).write_text("\n".join(sorted(simple)).replace("\x1f", "|"))
    say(check=check, table=table, rows=len(rows), plain=digest(simple), whole=digest(whole), **more)


def say(**what):
    print(json.dumps({"engine": sys.argv[1], **what}), flush=True)


def failed(check, table, error):
    say(check=check, table=table, error=str(error)[:1500])


def statements(lake, dialect):
    script = re.sub(r"(?m)^--.*\n", "", pathlib.Path(lake["sql"][dialect]).read_text())
    found = [s for s in re.split(r";\n", script) if s.strip()]
    # One lake shows that comments are accepted; they are most of the statements.
    return [s for s in found if lake.get("telling") or not s.strip().startswith("COMMENT ON ")]


def views(lake, dialect, tables, execute, query, quote):
    """All tables of a lake by the printed statements."""
    if not lake["views"]:
        return
    for statement in statements(lake, dialect):
        try:
            execute(statement)
        except Exception as e:
            return failed("views of " + lake["name"], "", f"{e}\nin {statement[:600]}")
    for table, columns in tables.items():
        try:
            report("views of " + lake["name"], table, query(f"SELECT {', '.join(quote + c['name'] + quote for c in columns)} FROM {table}"), columns)
        except Exception as e:
            failed("views of " + lake["name"], table, e)
    told = []
    for table, column in (lake["telling"] or {}).items():
        names = ", ".join(quote + c + quote for c in ["account", "stream", "month", column])
        told += [" ".join([table] + [v for v in row if v is not None]) for row in rows_of(query(f"SELECT {names} FROM {table}"), [{"name": c} for c in ["account", "stream", "month", column]])]
    if told:
        say(check="views of " + lake["name"], table="", told=sorted(told))


def month_of(job, read):
    """The messages of a month of a lake in a bucket, with the requests and seconds that they took."""
    requests(job)
    began = time.monotonic()
    try:
        found = read(job["bucket"])
        took = time.monotonic() - began
        report("month of bucket", "messages", found, job["tables"]["messages"], requests=requests(job), seconds=took)
    except Exception as e:
        failed("month of bucket", "messages", e)


def requests(job):
    """The requests that the store had since the last call."""
    with urllib.request.urlopen(job["bucket"]["endpoint"] + "/requests") as r:
        return int(r.read())


def duckdb(job):
    import duckdb
    import duckdb_extensions

    say(version=duckdb.__version__)
    duckdb_extensions.import_extension("httpfs")  # where INSTALL puts it

    def program(*commands):
        """Runs the program duckdb, which has getenv, with the printed statements."""
        done = subprocess.run([os.path.join(os.path.dirname(sys.executable), "duckdb"), "-bail", *commands], capture_output=True, text=True)
        if done.returncode != 0 or done.stderr:
            raise RuntimeError(done.stderr)

    def month(bucket):
        to = job["work"] + "/month.parquet"
        program("-f", bucket["sql"]["duckdb"], "-c", f"COPY (SELECT * FROM messages WHERE month = '{bucket['month']}') TO '{to}'")
        return pa.parquet.read_table(to)

    requests(job)
    try:
        program("-f", job["bucket"]["sql"]["duckdb"])
        say(check="CREATE VIEW of bucket", table="", requests=requests(job))
    except Exception as e:
        failed("CREATE VIEW of bucket", "", e)
    month_of(job, month)
    for lake in job["lakes"]:
        db = duckdb.connect()
        views(lake, "duckdb", job["tables"], db.execute, lambda q: db.execute(q).to_arrow_table(), '"')


def messages_of(job, read):
    """The table messages from nothing but the files that count."""
    columns = job["tables"]["messages"]
    for lake in job["lakes"]:
        if lake["name"] not in job["from_files"]:
            continue
        try:
            report("files of " + lake["name"], "messages", read(lake["files"]["messages"]), columns)
        except Exception as e:
            failed("files of " + lake["name"], "messages", e)


def pandas(job):
    import pandas

    say(version=pandas.__version__)
    messages_of(job, lambda files: pa.Table.from_pandas(pandas.read_parquet(files, partitioning=None)))


def pyarrow(job):
    import pyarrow.fs

    say(version=pa.__version__)
    messages_of(job, lambda files: pa.parquet.read_table(files, partitioning=None))

    def month(bucket):
        store = pa.fs.S3FileSystem(access_key=bucket["access_key"], secret_key=bucket["secret_key"], region=bucket["region"], endpoint_override=bucket["endpoint"])
        return pa.parquet.read_table([bucket["name"] + "/" + k for k in bucket["keys"]], partitioning=None, filesystem=store)

    month_of(job, month)


def polars(job):
    import polars

    say(version=polars.__version__)
    messages_of(job, lambda files: polars.scan_parquet(files, hive_partitioning=False).collect().to_arrow())

    def month(bucket):
        options = {"aws_access_key_id": bucket["access_key"], "aws_secret_access_key": bucket["secret_key"], "aws_region": bucket["region"],
                   "aws_endpoint_url": bucket["endpoint"], "aws_allow_http": "true"}
        return polars.scan_parquet(["s3://" + bucket["name"] + "/" + k for k in bucket["keys"]], hive_partitioning=False, storage_options=options).collect().to_arrow()

    month_of(job, month)


def chdb(job):
    import chdb

    say(version=chdb.__version__ + ", ClickHouse " + str(chdb.query("SELECT version()", "TabSeparated")).strip())

    settings = "SETTINGS use_hive_partitioning = 0, output_format_arrow_string_as_string = 1"

    def arrow(source):
        return pa.ipc.open_file(chdb.query(f"SELECT * FROM {source} {settings}", "Arrow").bytes()).read_all()

    def local(files):
        root = os.path.commonpath(files)
        return arrow(f"file('{root}/{{{','.join(os.path.relpath(f, root) for f in files)}}}', Parquet)")

    def month(bucket):
        return arrow(f"s3('{bucket['endpoint']}/{bucket['name']}/{{{','.join(bucket['keys'])}}}', '{bucket['access_key']}', '{bucket['secret_key']}', 'Parquet')")

    messages_of(job, local)
    month_of(job, month)


def datafusion(job):
    import datafusion

    say(version=datafusion.__version__)
    def read(files):
        context = datafusion.SessionContext()
        return functools.reduce(lambda a, b: a.union(b), map(context.read_parquet, files)).to_arrow_table()

    messages_of(job, read)


def spark(job):
    from pyspark.sql import SparkSession

    work = pathlib.Path(job["work"])
    s = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "3g")
         .config("spark.sql.session.timeZone", "UTC").config("spark.sql.warehouse.dir", str(work / "spark"))
         .config("spark.sql.shuffle.partitions", "4").config("spark.jars", job["jar"])
         .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
         .config("spark.sql.catalog.ice", "org.apache.iceberg.spark.SparkCatalog").config("spark.sql.catalog.ice.type", "hadoop")
         .config("spark.sql.catalog.ice.warehouse", str(work / "spark-iceberg")).getOrCreate())
    s.sparkContext.setLogLevel("ERROR")
    say(version=s.version)
    for lake in job["lakes"]:
        s.sql(f"CREATE DATABASE {lake['name']}")
        s.sql(f"USE {lake['name']}")
        views(lake, "spark", job["tables"], s.sql, lambda q: s.sql(q).toArrow(), "`")
    for lake in job["lakes"]:
        if lake["name"] in job["merged"]:
            found = s.read.option("mergeSchema", "true").parquet(*lake["files"]["messages"])
            columns = [c for c in job["tables"]["messages"] if c["since"] == 1]
            report("mergeSchema of " + lake["name"], "messages", found.select(*[f"`{c['name']}`" for c in columns]).toArrow(), columns)
    for lake in job["lakes"]:
        for table, folder in lake["linked"].items():
            check = "add_files of " + lake["name"]
            try:
                made = next(x for x in statements(lake, "spark") if x.strip().startswith(f"CREATE TABLE all_{table} "))
                columns = made[made.index("("):made.index("\n)") + 2]
                s.sql(f"CREATE TABLE ice.{lake['name']}.{table} {columns} USING iceberg PARTITIONED BY (provider, account, stream, month)")
                s.sql(f"CALL ice.system.add_files(table => '{lake['name']}.{table}', source_table => '`parquet`.`{folder}`')")
                names = ", ".join("`" + x["name"] + "`" for x in job["tables"][table])
                if table == "documents":  # files have a body that is text only as text
                    names = names.replace("`body`", "coalesce(body, CAST(body_text AS BINARY)) AS body")
                report(check, table, s.sql(f"SELECT {names} FROM ice.{lake['name']}.{table}").toArrow(), job["tables"][table])
            except Exception as e:
                failed(check, table, e)


def start_trino(job, hive, iceberg):
    """Starts the server with a catalog of the Hive connector and one of the Iceberg connector."""
    work = pathlib.Path(job["work"], "trino")
    (work / "etc" / "catalog").mkdir(parents=True)
    write = lambda name, text: (work / "etc" / name).write_text(text)
    write("node.properties", f"node.environment=readers\nnode.data-dir={work}/data\n")
    write("jvm.config", "-Xmx3G\n-Duser.timezone=America/New_York\n")
    write("config.properties", f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={job['port']}\ndiscovery.uri=http://127.0.0.1:{job['port']}\n")
    write("log.properties", "io.trino=WARN\n")
    write("catalog/hive.properties", hive.format(work=work, **job["bucket"]))
    write("catalog/iceberg.properties", iceberg.format(work=work))
    log = open(work / "log", "w")
    env = dict(os.environ, JAVA_HOME=job["java"], PATH=job["java"] + "/bin:" + os.environ["PATH"])
    server = subprocess.Popen([job["trino"] + "/bin/launcher", "run", "--etc-dir", str(work / "etc")], env=env, stdout=log, stderr=log)
    for _ in range(180):
        time.sleep(1)
        if server.poll() is not None:
            raise RuntimeError("Trino ended: " + (work / "log").read_text()[-3000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{job['port']}/v1/info") as r:
                if not json.load(r)["starting"]:
                    return server
        except OSError:
            pass
    raise RuntimeError("Trino does not start: " + (work / "log").read_text()[-3000:])


HIVE = """connector.name=hive
hive.metastore=file
hive.metastore.catalog.dir=file://{work}/metastore
hive.metastore.disable-location-checks=true
fs.hadoop.enabled=true
hive.recursive-directories=true
hive.timestamp-precision=MICROSECONDS
hive.parquet.time-zone=UTC
fs.native-s3.enabled=true
s3.endpoint={endpoint}
s3.region={region}
s3.aws-access-key={access_key}
s3.aws-secret-key={secret_key}
s3.path-style-access=true
"""
ICEBERG = """connector.name=iceberg
iceberg.catalog.type=TESTING_FILE_METASTORE
hive.metastore.catalog.dir=file://{work}/iceberg
fs.hadoop.enabled=true
iceberg.add-files-procedure.enabled=true
"""


def trino(job):
    import trino.dbapi

    server = start_trino(job, HIVE, ICEBERG)
    try:
        def connect(catalog, schema):
            return trino.dbapi.connect(host="127.0.0.1", port=job["port"], user="reader", catalog=catalog, schema=schema, timezone="UTC").cursor()

        def ask(cursor, query):
            cursor.execute(query)
            return cursor.fetchall()

        say(version=ask(connect("system", "runtime"), "SELECT version()")[0][0])
        for lake in job["lakes"]:
            ask(connect("hive", None), f"CREATE SCHEMA hive.{lake['name']}")
            c = connect("hive", lake["name"])
            views(lake, "trino", job["tables"], lambda q: ask(c, q), lambda q: ask(c, q), '"')
        ask(connect("hive", None), "CREATE SCHEMA hive.bucket")
        c = connect("hive", "bucket")
        requests(job)
        try:
            for statement in statements(job["bucket"], "trino"):
                ask(c, statement)
            say(check="CREATE VIEW of bucket", table="", requests=requests(job))
        except Exception as e:
            failed("CREATE VIEW of bucket", "", e)
        names = ", ".join('"' + x["name"] + '"' for x in job["tables"]["messages"])
        month_of(job, lambda bucket: ask(c, f"SELECT {names} FROM messages WHERE month = '{bucket['month']}'"))
        for lake in filter(lambda lake: lake["linked"], job["lakes"]):
            ask(connect("iceberg", None), f"CREATE SCHEMA iceberg.{lake['name']}")
            c = connect("iceberg", lake["name"])
            for table, folder in lake["linked"].items():
                check = "add_files of " + lake["name"]
                try:
                    made = next(x for x in statements(lake, "trino") if x.strip().startswith(f"CREATE TABLE all_{table} "))
                    columns = made[made.index("("):made.index("\n)") + 2].replace('timestamp(6)', 'timestamp(6) with time zone')
                    ask(c, f"CREATE TABLE {table} {columns}")
                    ask(c, f"ALTER TABLE {table} EXECUTE add_files(location => 'file://{folder}', format => 'PARQUET', recursive_directory => 'TRUE')")
                    names = ", ".join('"' + x["name"] + '"' for x in job["tables"][table])
                    if table == "documents":
                        names = names.replace('"body"', 'coalesce(body, to_utf8(body_text))')
                    report(check, table, ask(c, f"SELECT {names} FROM {table}"), job["tables"][table])
                except Exception as e:
                    failed(check, table, e)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    globals()[sys.argv[1]](json.loads(pathlib.Path(sys.argv[2]).read_text()))

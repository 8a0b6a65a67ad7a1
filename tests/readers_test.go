package tests

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

var (
	readers     = flag.String("readers", "", "folder in which `make readers` has installed the engines; without it none is run")
	readersPage = flag.String("readers-page", "", "file to write what the engines found to, as Markdown")
	engineNames = flag.String("engines", "duckdb,pandas,polars,pyarrow,chdb,datafusion,trino,spark", "engines to run")
)

// readersJob is what engines.py is told.
type readersJob struct {
	Work      string                     `json:"work"` // an empty folder
	Jar       string                     `json:"jar"`
	Trino     string                     `json:"trino"`
	Java      string                     `json:"java"` // for Trino
	Port      int                        `json:"port"`
	Tables    map[string][]readersColumn `json:"tables"`
	Lakes     []*readersLake             `json:"lakes"`
	Bucket    *readersBucket             `json:"bucket"`
	FromFiles []string                   `json:"from_files"` // lakes whose messages are read from the files that count
	Merged    []string                   `json:"merged"`     // lakes whose files of several schema versions Spark merges
}

type readersColumn struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Since    int             `json:"since"`
	Children []readersColumn `json:"children,omitempty"`
}

type readersLake struct {
	Name    string              `json:"name"`
	SQL     map[string]string   `json:"sql"`     // by dialect, a file
	Files   map[string][]string `json:"files"`   // those that count, by table
	Telling map[string]string   `json:"telling"` // columns to show by table, where the rows are known one by one
	Linked  map[string]string   `json:"linked"`  // by table, a folder of the files that count and no others
	Views   bool                `json:"views"`   // whether the printed statements are tried

	folder string
	truth  map[string]tally
	first  tally // the messages, in columns of version 1
}

// readersBucket is the lake months in a bucket.
type readersBucket struct {
	Name      string            `json:"name"`
	Endpoint  string            `json:"endpoint"`
	Region    string            `json:"region"`
	AccessKey string            `json:"access_key"`
	SecretKey string            `json:"secret_key"`
	SQL       map[string]string `json:"sql"`
	Month     string            `json:"month"`
	Keys      []string          `json:"keys"` // files of messages of the month

	truth tally
}

// tally is what a table holds: its rows, and a checksum over its columns without parts.
type tally struct {
	Rows  int
	Plain string
}

// said is a line of engines.py.
type said struct {
	tally
	Engine, Version, Check, Table, Whole, Error string
	Told                                        []string
	Requests                                    *int
	Seconds                                     float64

	wrong bool // something else was found than is there
}

// TestReaders lets the engines that people use read lakes, and compares what they find with what this project's own reader of Parquet
// finds. It needs what `make readers` installs.
func TestReaders(t *testing.T) {
	if *readers == "" {
		t.Skip("`make readers` installs the engines")
	}
	job := readersJob{
		Work: t.TempDir(), Jar: only(t, "maven/iceberg-spark-runtime-*.jar"), Trino: only(t, "trino-server-*"), Java: os.Getenv("TRINO_JAVA_HOME"),
		Port: freePort(t), Tables: map[string][]readersColumn{}, FromFiles: []string{"renewed", "months"}, Merged: []string{"mixed"},
	}
	for _, s := range schemas.Shapes() {
		job.Tables[s.Table] = readersColumns(s.Columns)
	}
	job.Lakes = readersLakes(t)
	job.Bucket = inBucket(t, job.Lakes[3])
	described, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "job.json")
	if err := os.WriteFile(name, described, 0o600); err != nil {
		t.Fatal(err)
	}
	var all []said
	whole := map[string]string{} // checksums of all columns, by lake and table
	for engine := range strings.SplitSeq(*engineNames, ",") {
		t.Run(engine, func(t *testing.T) {
			found := runEngine(t, engine, name)
			checkReader(t, job, found, whole)
			all = append(all, found...)
		})
	}
	if *readersPage != "" {
		if err := os.WriteFile(*readersPage, []byte(readersTables(job, all)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(*readers, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d of %s, want 1; run `make readers`", *readers, len(found), pattern)
	}
	return found[0]
}

func readersColumns(nodes []schemas.Node) []readersColumn {
	var all []readersColumn
	for _, n := range nodes {
		all = append(all, readersColumn{n.Name, n.Kind.String(), n.Since, readersColumns(n.Children)})
	}
	return all
}

// readersLakes are lakes with all that readers trip over: traps has the rows of the reader rule, one by one; mixed has files of two
// schema versions and generations that were replaced; renewed is the same lake in this schema version; months has four platforms and
// a year.
func readersLakes(t *testing.T) []*readersLake {
	t.Helper()
	traps := filepath.Join(t.TempDir(), "lake")
	crowdedLake(t, traps)
	mixed := oldLake(t)
	succeeds(t, mixed, "lake", "remap", "--account", "42")
	renewed := oldLake(t)
	for account := range oldAccounts {
		succeeds(t, renewed, "lake", "remap", "--account", account)
	}
	months := t.TempDir()
	succeeds(t, months, "demo", "--dir", months, "--conversations", "1000", "--latency", "0s", "--ui=false", "--provider", "all")
	config := fmt.Sprintf("state_dir: state\nlake: {url: %q}\naccounts: {\"42\": {provider: chatwoot, base_url: 'https://chat.example.com', account_id: '1', token: env:CHATWOOT_TOKEN}}\n", "file:lake")
	for _, folder := range []string{filepath.Dir(traps), months} {
		if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lakes := []*readersLake{
		{Name: "traps", folder: filepath.Dir(traps), Views: true, Telling: telling}, {Name: "mixed", folder: mixed, Views: true},
		{Name: "renewed", folder: renewed}, {Name: "months", folder: months, Views: true},
	}
	for _, l := range lakes {
		l.SQL, l.Files, l.Linked = map[string]string{}, map[string][]string{}, map[string]string{}
		for _, dialect := range []string{"duckdb", "spark", "trino"} {
			l.SQL[dialect] = filepath.Join(l.folder, dialect+".sql")
			if err := os.WriteFile(l.SQL[dialect], []byte(succeeds(t, l.folder, "lake", "sql", "--dialect", dialect)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range locations(t, l.folder) {
			l.Files[f.Table] = append(l.Files[f.Table], f.Location)
		}
		if l.Name != "traps" {
			l.truth, l.first = truthOf(t, l.Files, 2), truthOf(t, l.Files, 1)[schemas.Messages.Table]
		}
		if l.Name == "renewed" {
			l.link(t)
		}
	}
	return lakes
}

// link makes folders of the files that count, for engines that take all files of a folder.
func (l *readersLake) link(t *testing.T) {
	t.Helper()
	for table, files := range l.Files {
		l.Linked[table] = filepath.Join(l.folder, "linked", table)
		for _, f := range files {
			_, key, _ := strings.Cut(filepath.ToSlash(f), "/data/"+table+"/")
			to := filepath.Join(l.Linked[table], filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(f, to); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inBucket copies a lake to an S3 server that counts requests, and tells their number since the last time at /requests.
func inBucket(t *testing.T, l *readersLake) *readersBucket {
	t.Helper()
	server := s3test.Start(t)
	if err := os.CopyFS(server.Dir, os.DirFS(filepath.Join(l.folder, "lake"))); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/requests" {
			fmt.Fprint(w, requests.Swap(0))
			return
		}
		requests.Add(1)
		next.ServeHTTP(w, r)
	})
	b := &readersBucket{Name: front.Bucket, Endpoint: front.Endpoint, Region: front.Region, AccessKey: front.AccessKey, SecretKey: front.SecretKey,
		SQL: map[string]string{}, Month: "2025-03"}
	t.Setenv("READERS_ACCESS_KEY", b.AccessKey)
	t.Setenv("READERS_SECRET_KEY", b.SecretKey)
	folder := t.TempDir()
	config := fmt.Sprintf("state_dir: state\nlake: {url: 's3://%s', endpoint: %q, region: %s, path_style: true, access_key: 'env:READERS_ACCESS_KEY', secret_key: 'env:READERS_SECRET_KEY'}\n"+
		"accounts: {\"42\": {provider: chatwoot, base_url: 'https://chat.example.com', account_id: '1', token: env:CHATWOOT_TOKEN}}\n", b.Name, b.Endpoint, b.Region)
	if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"duckdb", "trino"} {
		b.SQL[dialect] = filepath.Join(folder, dialect+".sql")
		if err := os.WriteFile(b.SQL[dialect], []byte(succeeds(t, folder, "lake", "sql", "--dialect", dialect)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	for _, f := range l.Files[schemas.Messages.Table] {
		if _, key, _ := strings.Cut(f, "/lake/data/"); strings.Contains(key, "/month="+b.Month+"/") {
			files, b.Keys = append(files, f), append(b.Keys, "data/"+key)
		}
	}
	b.truth = truthOf(t, map[string][]string{schemas.Messages.Table: files}, 2)[schemas.Messages.Table]
	return b
}

// truthOf reads the rows that count of a lake without overlapping windows: of a directory the last snapshot, and of a rating that the
// directory has too, the directory's. The checksums are over columns up to a schema version.
func truthOf(t *testing.T, files map[string][]string, version int) map[string]tally {
	t.Helper()
	truth := map[string]tally{}
	for _, s := range schemas.Shapes() {
		last := map[string]string{} // window of the directory's last snapshot, by what is above it
		for _, f := range files[s.Table] {
			if account, window := snapshot(f); account != "" {
				last[account] = max(last[account], window)
			}
		}
		var lines []string
		listed := map[string]bool{}
		for _, directory := range []bool{true, false} {
			for _, f := range files[s.Table] {
				account, window := snapshot(f)
				if directory != (account != "") || directory && window != last[account] {
					continue
				}
				for _, row := range readRows(t, s, f) {
					if s.Table == schemas.Ratings.Table {
						id := strings.Join([]string{row["provider"], row["account"], row["conversation_id"], row["rating_id"]}, "/")
						if listed[id] && !directory {
							continue
						}
						listed[id] = listed[id] || directory
					}
					var line []string
					for _, c := range s.Columns {
						if isPlain(c) && c.Since <= version {
							line = append(line, row[c.Name])
						}
					}
					lines = append(lines, strings.Join(line, "\x1f"))
				}
			}
		}
		slices.Sort(lines)
		sum := md5.Sum([]byte(strings.Join(lines, "\x1e")))
		truth[s.Table] = tally{len(lines), hex.EncodeToString(sum[:])}
	}
	return truth
}

// snapshot is the directory of which a file is, and the window; empty for other files.
func snapshot(file string) (account, window string) {
	above, below, found := strings.Cut(filepath.ToSlash(file), "/stream=directory/")
	if !found {
		return "", ""
	}
	return above, strings.Split(below, "/")[1]
}

func isPlain(c schemas.Node) bool {
	return slices.Contains([]schemas.Kind{schemas.KindText, schemas.KindBytes, schemas.KindInteger, schemas.KindInstant}, c.Kind)
}

// readRows are the rows of a file, each with its columns without parts as engines.py writes them.
func readRows(t *testing.T, s schemas.Shape, name string) []map[string]string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := parquet.Inspect(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var columns []schemas.Node
	var names []string
	for _, c := range s.Columns {
		if isPlain(c) && c.Since <= info.SchemaVersion {
			columns, names = append(columns, c), append(names, c.Name)
		}
	}
	var all []map[string]string
	err = parquet.Scan(bytes.NewReader(content), int64(len(content)), parquet.Query{Columns: names}, func(r parquet.Row) error {
		row := map[string]string{}
		for _, c := range s.Columns {
			row[c.Name] = "-"
		}
		for _, part := range strings.Split(filepath.ToSlash(filepath.Dir(name)), "/") {
			if column, value, found := strings.Cut(part, "="); found && schemas.IsPartition(column) {
				row[column] = "=" + value
			}
		}
		for i, cell := range r.Cells {
			switch c := columns[i]; {
			case cell.Null:
			case c.Kind == schemas.KindText:
				row[c.Name] = "=" + cell.Text
			case c.Kind == schemas.KindBytes:
				sum := md5.Sum([]byte(cell.Text))
				row[c.Name] = hex.EncodeToString(sum[:])
				if s.Table == schemas.Documents.Table && utf8.ValidString(cell.Text) {
					row["body_text"] = "=" + cell.Text // of version 1 only the views have the text
				}
			default:
				row[c.Name] = "=" + strconv.FormatInt(cell.Integer, 10)
			}
		}
		if text := row["body_text"]; s.Table == schemas.Documents.Table && text != "-" {
			sum := md5.Sum([]byte(text[1:]))
			row["body"] = hex.EncodeToString(sum[:])
		}
		all = append(all, row)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all
}

// runEngine runs one engine and returns what it said.
func runEngine(t *testing.T, engine, job string) []said {
	t.Helper()
	began := time.Now()
	c := exec.CommandContext(t.Context(), filepath.Join(*readers, "venv", "bin", "python"), "readers/engines.py", engine, job)
	c.Env = append(os.Environ(), "HOME="+*readers)
	out, err := c.Output()
	if err != nil {
		var stderr []byte
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = exit.Stderr
		}
		t.Errorf("%v: %s", err, stderr[max(0, len(stderr)-3000):])
	}
	var all []said
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var s said
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("%v in %s", err, lines.Text())
			continue
		}
		all = append(all, s)
	}
	t.Logf("%s: %d results in %.0f s", engine, len(all), time.Since(began).Seconds())
	return all
}

// checkReader compares what an engine found with what is there. What is in lists, maps, numbers and booleans is compared with what the
// engines before it found.
func checkReader(t *testing.T, job readersJob, found []said, whole map[string]string) {
	t.Helper()
	if len(found) < 2 {
		t.Error("the engine found nothing")
	}
	for i := range found {
		s := &found[i]
		wrong := func(format string, args ...any) {
			t.Helper()
			s.wrong = true
			t.Errorf("%s, %s: "+format, append([]any{s.Check, s.Table}, args...)...)
		}
		if s.Error != "" {
			wrong("%s", s.Error)
			continue
		}
		what, name, _ := strings.Cut(s.Check, " of ")
		if s.Check == "month of bucket" && s.tally != job.Bucket.truth {
			wrong("%+v, want %+v", s.tally, job.Bucket.truth)
		}
		if s.Check == "CREATE VIEW of bucket" && s.Engine == "duckdb" && *s.Requests > 0 {
			wrong("%d requests, want none", *s.Requests)
		}
		for _, l := range job.Lakes {
			if name != l.Name {
				continue
			}
			want, known := l.truth[s.Table]
			if what == "mergeSchema" {
				want = l.first
			}
			switch {
			case s.Told != nil:
				if diff := cmp.Diff(crowdedRows, s.Told); diff != "" {
					wrong("(-want +got):\n%s", diff)
				}
			case known && want != s.tally:
				wrong("%+v, want %+v", s.tally, want)
			}
			if key := name + "/" + s.Table; s.Whole != "" && s.Engine != "pandas" && what != "mergeSchema" {
				if whole[key] == "" {
					whole[key] = s.Whole
				} else if whole[key] != s.Whole {
					wrong("other lists, maps, numbers or booleans than engines before")
				}
			}
		}
	}
}

// readersText is the page around the tables.
const readersText = `# What engines read in a lake

Engines that people use have read lakes here, on %s. What they found is what this project's own reader of
Parquet finds: each table has the same number of rows and the same checksum over all texts, bytes, integers and times (in
microseconds). Lists, maps, numbers and booleans are the same in all engines; those of pandas are not compared. This command installs the engines, runs them and writes the page:

    make readers

It takes about 20 minutes and is not part of CI. It needs Python 3.11, Maven, a C compiler, Java 17 for Spark, and a JDK 25
for Trino that TRINO_JAVA_HOME names. pip and Maven download about 1.5 GB into READERS_CACHE, by default in the cache folder
of the user. Trino takes 3 GB of memory.

The lakes:

| lake | what is in it |
|---|---|
| traps | every part of the [reader rule](lake.md#the-reader-rule): a generation that was replaced, conversations in two windows with a tie, tombstones, dead letters, reports in overlapping windows, two snapshots of a directory. The account is named 42. The rows that count are written down by hand and compared one by one. |
| mixed | four platforms; files of schema versions 1 and 2; generations that were replaced |
| renewed | the same after a remap of all accounts; only files of version 2 count |
| months | four platforms, 12 months, %s messages in %d files |

In every lake some table has no files.

## Checks

"Views" are made with what ` + "`chatlake lake sql`" + ` prints; "files" are those that ` + "`chatlake lake files`" + ` lists.
add_files adds the files to Iceberg tables with the columns that the dialect prints: Spark's are partitioned by provider,
account, stream and month, Trino's are not partitioned and have times with a zone. The checksums show that no value is null
that should not be.

| engine | version | check | tables | rows | as expected |
|---|---|---|---|---|---|
%s
## A lake in a bucket

The lake months on a local S3 server, behind a proxy that counts the requests. The month is %s: %s messages in %d files.
DuckDB is the program ` + "`duckdb`" + `, which takes the lake's credentials from the environment by ` + "`getenv`" + `. pyarrow, Polars and
ClickHouse get only the files of the month. DuckDB opens the files of all months, to see in their statistics which have the
month; Trino also reads the ledger.

| engine | what | requests | seconds |
|---|---|---|---|
%s
## What each engine needs

- **DuckDB** 1.5, and httpfs for a bucket.
- **Spark** 4.0. A table that has no files gets an empty view. For add_files: iceberg-spark-runtime 1.10.0.
- **Trino**: tried with 476. The Hive connector needs ` + "`hive.recursive-directories=true`, `hive.timestamp-precision=MICROSECONDS`" + `
  and ` + "`hive.parquet.time-zone=UTC`" + `; here the server's own zone was America/New_York. A lake in a folder was read with
  ` + "`fs.hadoop.enabled=true`" + `, a bucket with ` + "`fs.native-s3.enabled=true`" + `. For add_files the Iceberg connector needs
  ` + "`iceberg.add-files-procedure.enabled=true`" + `.
- **pandas** and **pyarrow**: ` + "`partitioning=None`" + `. **Polars**: ` + "`hive_partitioning=False`" + `. **ClickHouse** (chdb):
  ` + "`use_hive_partitioning=0`" + `. Then the partition columns are those in the files, and the account 42 stays a text.
- **DataFusion** reads one file or one folder at a time: read the files that count one by one, with ` + "`union`" + `.
- **Athena** was not tried. Only Spark's Hive dialect has accepted its statements that create tables.
- Spark was not tried on a bucket.
`

// readersTables is the page: what each engine found.
func readersTables(job readersJob, all []said) string {
	var checks, bucket strings.Builder
	version := ""
	type sum struct {
		tables, rows int
		wrong        bool
	}
	sums := map[string]*sum{}
	var order []string
	for _, s := range all {
		if s.Version != "" {
			version = s.Version
		}
		if s.Requests != nil {
			seconds := ""
			if s.Seconds > 0 {
				seconds = fmt.Sprintf("%.1f", s.Seconds)
			}
			fmt.Fprintf(&bucket, "| %s | %s | %d | %s |\n", s.Engine, strings.TrimSuffix(s.Check, " of bucket"), *s.Requests, seconds)
			continue
		}
		if s.Check == "" {
			continue
		}
		key := fmt.Sprintf("| %s | %s | %s |", s.Engine, version, s.Check)
		if sums[key] == nil {
			sums[key] = &sum{}
			order = append(order, key)
		}
		if s.Told == nil {
			sums[key].tables++
			sums[key].rows += s.Rows
		}
		sums[key].wrong = sums[key].wrong || s.wrong
	}
	for _, key := range order {
		expected := "yes"
		if sums[key].wrong {
			expected = "**no**"
		}
		fmt.Fprintf(&checks, "%s %d | %s | %s |\n", key, sums[key].tables, words.Grouped(int64(sums[key].rows)), expected)
	}
	months := job.Lakes[3]
	return fmt.Sprintf(readersText, time.Now().UTC().Format(time.DateOnly), words.Grouped(int64(months.truth["messages"].Rows)), len(months.Files["messages"]),
		checks.String(), job.Bucket.Month, words.Grouped(int64(job.Bucket.truth.Rows)), len(job.Bucket.Keys), bucket.String())
}

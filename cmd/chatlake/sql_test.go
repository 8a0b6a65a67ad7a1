package main

import (
	"os"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

// The script reads where the commands read: at the endpoint of the environment, under the prefix as it was meant.
func TestSQLOfALakeOfTheEnvironment(t *testing.T) {
	fake := &s3test.Fake{Path: "/gate"}
	server := fake.Start(t)
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	rewriteLake(t, config, server)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("endpoint: '"+server.Endpoint+"', ", "", "/chatlake'", "//my%20lake/'").Replace(string(text))
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	s := shelfAt(t, config)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	out, errs, status := chatlake(t, "lake", "sql", "--config", config)
	host := strings.TrimPrefix(server.Endpoint, "http://")
	for _, want := range []string{"ENDPOINT '" + host + "'", "'s3://" + server.Bucket + "/my lake/data/messages/"} {
		if status != exitComplete || !strings.Contains(out, want) {
			t.Errorf("status %d, no %q in:\n%s%s", status, want, out, errs)
		}
	}
}

// What is not a dialect, or not for one, is said; credentials stand in the script as the configuration refers to them.
func TestSQLDialects(t *testing.T) {
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	shelfAt(t, config).put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	for args, want := range map[string]string{
		"--dialect oracle":               `--dialect must be duckdb, trino, athena and spark, not "oracle"`,
		"--dialect trino --account acme": "--account is for --dialect duckdb",
	} {
		out, errs, status := chatlake(t, append([]string{"lake", "sql", "--config", config}, strings.Fields(args)...)...)
		expect(t, args, status, exitUsage, out+errs, want)
	}
	for dialect, begins := range map[string]string{"duckdb": " AS\n", "trino": " AS\n", "athena": " AS\n", "spark": " (\n"} { // Spark has comments there
		out, errs, status := chatlake(t, "lake", "sql", "--config", config, "--dialect", dialect)
		expect(t, dialect, status, exitComplete, out+errs, "CREATE OR REPLACE VIEW conversations"+begins, "CREATE OR REPLACE VIEW labels"+begins)
	}
}

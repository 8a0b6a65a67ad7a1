package tests

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestExportToS3 is the round trip over a real S3-compatible server.
func TestExportToS3(t *testing.T) {
	server := s3test.Start(t)
	t.Setenv("LAKE_ACCESS_KEY", server.AccessKey)
	t.Setenv("LAKE_SECRET_KEY", server.SecretKey)
	site := newSite(2000)
	lake := fmt.Sprintf("{url: s3://%s/chatlake, endpoint: %q, region: %s, path_style: true, access_key: env:LAKE_ACCESS_KEY, secret_key: env:LAKE_SECRET_KEY}",
		server.Bucket, server.Endpoint, server.Region)
	folder := configure(t, serve(t, site), lake, "{}")
	start(t, folder, exportYear...).succeed(t)
	sameAsSite(t, filepath.Join(server.Dir, "chatlake"), site, year, "conversation", "messages")
}

// TestExport runs the binary against a fake site of ten thousand conversations and reads its lake back.
func TestExport(t *testing.T) {
	const conversations = 10_000
	site := newSite(conversations)
	folder := configure(t, serve(t, site), "{url: file:lake}", "{}")
	start(t, folder, exportYear...).succeed(t)
	t.Run("rows", func(t *testing.T) {
		sameAsSite(t, filepath.Join(folder, "lake"), site, year, "conversation", "messages")
	})
	t.Run("ratings", func(t *testing.T) { ratingsOnce(t, folder, site) })
	t.Run("histories", func(t *testing.T) {
		const budget = 2400 // for ten thousand conversations over a year, without the directory; the target is 3,100
		server := openTemporal(t, folder)
		defer server.kill()
		all := server.histories(t)
		t.Logf("events and activities for %d conversations: %v", conversations, all)
		if events := all["export"].events + all["created"].events; events == 0 || events > budget {
			t.Errorf("%d events, want at most %d", events, budget)
		}
	})
}

// ratingsOnce runs the script of `lake sql` and checks its ratings: each is one row, even if both the conversation and the
// directory have it, and its answer time comes from the directory.
func ratingsOnce(t *testing.T, folder string, site *chatwoot.Site) {
	p := start(t, folder, "lake", "sql")
	p.succeed(t)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	t.Chdir(folder)
	if _, err := db.Exec(p.result.String()); err != nil {
		t.Fatal(err)
	}
	var all, answered, agents int
	if err := db.QueryRow("SELECT count(*), count(answered_at), count(agent_id) FROM ratings").Scan(&all, &answered, &agents); err != nil {
		t.Fatal(err)
	}
	ratings := site.Snapshot().Ratings
	rated := 0
	for _, r := range ratings {
		if r.AgentID != nil {
			rated++
		}
	}
	if all != len(ratings) || answered != len(ratings) || agents != rated || rated == 0 {
		t.Errorf("%d ratings, %d answered, %d of agents; want %d, %d, %d", all, answered, agents, len(ratings), len(ratings), rated)
	}
}

// TestKill kills the process with SIGKILL half way and starts it again: the lake is the same as if nothing had happened,
// and only requests that were in flight are repeated.
func TestKill(t *testing.T) {
	const conversations, shards, chunks, chunk = 2000, 2, 2, 10
	const settings = "{shards: 2, chunks: 2, chunk: 10}"

	unbroken := newSite(conversations)
	start(t, configure(t, serve(t, unbroken), "{url: file:lake}", settings), exportYear...).succeed(t)

	site, halfway := newSite(conversations), make(chan struct{})
	var between wire
	between.set(&trap{moment: moment{site: asks("messages", ""), nth: conversations / 2}, strike: func() { close(halfway) }})
	folder := configure(t, between.provider(t, site), "{url: file:lake}", settings)
	p := start(t, folder, exportYear...)
	select {
	case <-halfway:
		p.kill()
	case <-p.exited:
		t.Fatalf("ended before it was half way:\n%s", tail(p.out.Bytes()))
	}
	start(t, folder, exportYear...).succeed(t)

	sameAsSite(t, filepath.Join(folder, "lake"), site, year, "conversation", "messages")
	again := between.again()
	again["conversations"] = site.Stats().Endpoints["conversations"] - unbroken.Stats().Endpoints["conversations"]
	// A chunk of metadata has ten times as many conversations as a chunk of messages, and a page of refs is twenty of the site's pages.
	for endpoint, bound := range map[string]int64{
		"conversations/{id}/messages":     shards * chunks * chunk,
		"conversations/{id}":              shards * chunks * 10 * chunk,
		"conversations/{id}/participants": shards * chunks * 10 * chunk,
		"conversations":                   shards * 22,
	} {
		t.Logf("%s: %d repeated", endpoint, again[endpoint])
		if again[endpoint] > bound {
			t.Errorf("%s: %d repeated, want at most %d", endpoint, again[endpoint], bound)
		}
	}
}

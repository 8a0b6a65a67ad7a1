package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/workflows"
)

// ghostSite serves an account with chats that never end. Answers to requests that end one take a while.
func ghostSite(t *testing.T, o giosg.Options, slow time.Duration) (*giosg.Site, string) {
	t.Helper()
	site := giosg.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 90}), o)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			answer := httptest.NewRecorder()
			site.ServeHTTP(answer, r)
			time.Sleep(slow)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		site.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return site, server.URL
}

// writeGhosts is the configuration of such an account.
func writeGhosts(t *testing.T, address, more string) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "chatlake.yaml")
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\naccounts:\n  acme: {provider: giosg, base_url: '%s', account_id: '%s', token: 'file:%s', rate: {requests_per_second: 0}%s}\n",
		t.TempDir(), t.TempDir(), address, giosg.Organization, tokenOf(config), more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	setToken(t, config, giosg.ManagerToken)
	return config
}

// audited are the outcomes of the audits in the lake, by chat.
func audited(t *testing.T, config string) map[string][]string {
	t.Helper()
	s := shelfAt(t, config)
	records, err := s.lake.Current(t.Context(), ledger.Filter{Stream: schemas.StreamAudits})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, r := range records {
		for row, err := range s.lake.Rows(t.Context(), r, schemas.Audits.Table, "conversation_id", "outcome") {
			if err != nil {
				t.Fatal(err)
			}
			found[row.Cells[0].Text] = append(found[row.Cells[0].Text], row.Cells[1].Text)
		}
	}
	return found
}

// TestKilledEndStaleGoesOn kills the program while it ends chats, as the platform is about to answer. Once the command has been run
// again, each chat was ended once and has one audit, also those whose answers were lost with the process.
func TestKilledEndStaleGoesOn(t *testing.T) {
	t.Parallel()
	site, address := ghostSite(t, giosg.Options{PageSize: 4}, 30*time.Millisecond)
	config := writeGhosts(t, address, "")
	stale := site.Unended(time.Now())
	const most = 12
	if len(stale) < most+2 {
		t.Fatalf("%d stale chats", len(stale))
	}
	command := []string{"end-stale", "--config", config, "--older-than", "7d", "--most", fmt.Sprint(most), "--yes"}
	for _, n := range []int{2, 7} {
		killed(t, func() bool { return len(site.Ends()) >= n }, command...)
	}
	cut := len(site.Ends())
	if cut >= most {
		t.Fatalf("%d of %d chats were ended after two kills", cut, most)
	}
	out, log, status := chatlake(t, command...)
	expect(t, "end-stale", status, exitComplete, out+log, fmt.Sprintf("%d ended.", most), fmt.Sprintf("%d rows added to the table audits.", most), "without an answer")
	outcomes := map[string]int{}
	audits := audited(t, config)
	for id, n := range site.Ends() {
		if n != 1 || len(audits[id]) != 1 || audits[id][0] != "ended" && audits[id][0] != "unconfirmed" {
			t.Errorf("a chat was ended %d times and has the audits %v", n, audits[id])
			continue
		}
		outcomes[audits[id][0]]++
	}
	if len(site.Ends()) != most || len(audits) != most || outcomes["unconfirmed"] == 0 {
		t.Errorf("%d chats were ended, %d have audits, %v; want %d", len(site.Ends()), len(audits), outcomes, most)
	}
	t.Logf("killed twice, with %d chats ended; %v", cut, outcomes)
	v, status := verify(t, config, "--deep")
	if status != exitComplete || !v.Whole() || len(v.Orphans) > 0 {
		t.Errorf("verify --deep: exit status %d, %+v", status, v)
	}
}

// TestEndStale lists without --yes, ends with it, and ends nothing twice.
func TestEndStale(t *testing.T) {
	t.Parallel()
	site, address := ghostSite(t, giosg.Options{PageSize: 4}, 0)
	config := writeGhosts(t, address, "")
	stale := site.Unended(time.Now().AddDate(0, 0, -7))
	run := func(more ...string) (workflows.EndStaleOutput, string, int) {
		out, log, status := chatlake(t, append([]string{"end-stale", "--config", config, "--account", "acme", "--older-than", "7d", "--output", "json"}, more...)...)
		var found workflows.EndStaleOutput
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatalf("%v:\n%s%s", err, out, log)
		}
		return found, out, status
	}
	dry, text, status := run("--most", "1000")
	var ids []string
	for _, ref := range dry.Stale {
		ids = append(ids, ref.ID)
	}
	if want := slices.Sorted(slices.Values(stale)); status != exitComplete || !slices.Equal(slices.Sorted(slices.Values(ids)), want) || dry.Found != len(want) || len(site.Ends()) > 0 {
		t.Errorf("status %d, %+v, want %v", status, dry, want)
	}
	if strings.Contains(text, "message") || strings.Contains(text, "room_name") {
		t.Errorf("the list says more than ids and ages:\n%s", text)
	}
	some, _, status := run("--most", "3", "--yes")
	if status != exitComplete || some.Ended != 3 || some.Audits != 3 || len(site.Ends()) != 3 {
		t.Errorf("status %d, %+v", status, some)
	}
	all, _, status := run("--most", "1000", "--yes")
	if status != exitComplete || all.Ended != len(stale)-3 || len(audited(t, config)) != len(stale) {
		t.Errorf("status %d, %+v", status, all)
	}
	none, _, status := run("--yes")
	if status != exitComplete || none.Found != 0 || none.Ended != 0 || none.Audits != 0 {
		t.Errorf("status %d, %+v", status, none)
	}
	for id, n := range site.Ends() {
		if n != 1 {
			t.Errorf("%s was ended %d times", id, n)
		}
	}
	sql, _, status := chatlake(t, "lake", "sql", "--config", config)
	expect(t, "lake sql", status, exitComplete, sql, "CREATE OR REPLACE VIEW audits AS\nSELECT", "state_before", "COMMENT ON VIEW audits")
	if strings.Contains(sql, "lake_versions") {
		t.Error("the SQL applies the rule of conversations that several shards have, because of the audits")
	}
}

// TestEndStaleSaysWhatWasRefused and does not end as if all had gone well.
func TestEndStaleSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	_, address := ghostSite(t, giosg.Options{RefuseEnd: func(string) int { return http.StatusForbidden }}, 0)
	config := writeGhosts(t, address, "")
	out, log, status := chatlake(t, "end-stale", "--config", config, "--older-than", "7d", "--most", "2", "--yes")
	expect(t, "end-stale", status, exitGaps, out+log, "0 ended.", "2 refused by the platform", "2 rows added to the table audits.", "are more than --most")
	for id, outcomes := range audited(t, config) {
		if !slices.Equal(outcomes, []string{"refused"}) {
			t.Errorf("%s has the audits %v", id, outcomes)
		}
	}
}

func TestEndStaleRefusesBadInput(t *testing.T) {
	t.Parallel()
	ghosts, other := writeGhosts(t, "http://127.0.0.1:1", ""), write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	for _, tt := range []struct {
		config string
		args   []string
		want   string
	}{
		{ghosts, nil, "--older-than is missing"},
		{ghosts, []string{"--older-than", "week"}, "is not a duration"},
		{ghosts, []string{"--older-than", "5m"}, "expected at least 1h"},
		{ghosts, []string{"--older-than", "7d", "--most", "0"}, "expected 1 to 1000"},
		{ghosts, []string{"--older-than", "7d", "--account", "nobody"}, "there is no account nobody"},
		{other, []string{"--older-than", "7d"}, "only accounts of giosg"},
		{writeGhosts(t, "http://127.0.0.1:1", ", end_stale: {every: 5m, older_than: 7d}"), []string{"--older-than", "7d"}, "accounts.acme.end_stale.every"},
		{writeGhosts(t, "http://127.0.0.1:1", ", end_stale: {every: 1d}"), []string{"--older-than", "7d"}, "older_than"},
		{writeGhosts(t, "http://127.0.0.1:1", ", end_stale: {older_than: 5m}"), []string{"--older-than", "7d"}, "accounts.acme.end_stale.older_than"},
	} {
		out, log, status := chatlake(t, append([]string{"end-stale", "--config", tt.config}, tt.args...)...)
		expect(t, strings.Join(tt.args, " "), status, exitUsage, out+log, tt.want)
	}
}

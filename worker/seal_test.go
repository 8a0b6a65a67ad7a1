package worker

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/giosg"
)

// fetchedShard is a shard of a Giosg account with encrypted rooms, listed and fetched, whose token and keys are in files.
type fetchedShard struct {
	do          *activities.Activities
	in          activities.SealShardInput
	token, keys string // the files
	config      Config
	site        *giosg.Site
}

func newFetchedShard(t *testing.T) fetchedShard {
	t.Helper()
	window := schemas.Window{From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 12, From: window.From, To: window.To})
	site := giosg.New(corpus, giosg.Options{Encrypted: true})
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	s := fetchedShard{site: site, token: filepath.Join(dir, "token"), keys: filepath.Join(dir, "keys")}
	for file, secret := range map[string]string{s.token: giosg.ManagerToken, s.keys: giosg.PrivateKey} {
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Parse("chatlake.yaml", fmt.Appendf(nil, `
state_dir: %q
lake: {url: %q}
accounts:
  acme: {provider: giosg, account_id: %q, token: "file:%s", secrets: {private_keys: "file:%s"}, base_url: %q, rate: {requests_per_second: 0}}
`, filepath.Join(dir, "state"), "file:"+filepath.Join(dir, "lake"), giosg.Organization, s.token, s.keys, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	s.config = c
	l, err := OpenLake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.do = &activities.Activities{Lake: l, Account: newAccounts(c, counters{}, (*telemetry.Telemetry)(nil).Watch).account}
	shard := ledger.Shard{Provider: "giosg", Account: "acme", Stream: schemas.StreamCreated, Window: window}
	s.in = activities.SealShardInput{Target: activities.Target{Shard: shard, Generation: 1}, SpecDigest: "spec"}
	listed, err := s.do.ListPage(t.Context(), activities.ListPageInput{Target: s.in.Target, Limit: 100})
	if err != nil || listed.Next != "" {
		t.Fatalf("next %q, %v", listed.Next, err)
	}
	s.in.Receipts.Pages = []activities.PageReceipt{listed.Page}
	fetch := activities.FetchInput{Target: s.in.Target, Page: listed.Page, High: listed.Page.Refs}
	messages, err := s.do.FetchMessages(t.Context(), fetch)
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := s.do.FetchMetadata(t.Context(), fetch)
	if err != nil {
		t.Fatal(err)
	}
	s.in.Receipts.Messages, s.in.Receipts.Metadata = messages.Parts, metadata.Parts
	return s
}

func kindOf(err error) providers.Kind {
	var e *providers.Error
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Kind
}

// TestABrokenTokenBlocksNoSeal removes the account's token after a shard was fetched: the shard is sealed, verified and committed
// all the same, and its encrypted texts are decrypted.
func TestABrokenTokenBlocksNoSeal(t *testing.T) {
	s := newFetchedShard(t)
	if err := os.Remove(s.token); err != nil {
		t.Fatal(err)
	}
	account, err := s.do.Account(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := account.Reader(); kindOf(err) != providers.Denied {
		t.Fatalf("the account is opened without its token: %v", err)
	}
	sealed, err := s.do.SealShard(t.Context(), s.in)
	if err != nil || sealed.Counts.Conversations != 12 || sealed.Counts.Dead > 0 || sealed.Counts.Unreadable > 0 {
		t.Fatalf("sealed %+v, %v", sealed.Counts, err)
	}
	verified, err := s.do.VerifyShard(t.Context(), activities.VerifyShardInput{Target: s.in.Target, Draft: sealed.Draft})
	if err != nil || verified.BadFiles > 0 {
		t.Fatalf("verified %+v, %v", verified, err)
	}
	committed, err := s.do.CommitShard(t.Context(), activities.CommitShardInput{Target: s.in.Target, Draft: sealed.Draft})
	if err != nil || committed.Commit.Outcome != string(ledger.Committed) {
		t.Fatalf("committed %+v, %v", committed, err)
	}
}

// TestKeysAreMappingSecrets removes the decryption keys: the seal waits for a person and writes no rows without texts.
func TestKeysAreMappingSecrets(t *testing.T) {
	s := newFetchedShard(t)
	if err := os.Remove(s.keys); err != nil {
		t.Fatal(err)
	}
	account, err := s.do.Account(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := account.Mapper(); kindOf(err) != providers.Denied {
		t.Errorf("a mapper is made without its keys: %v", err)
	}
	if sealed, err := s.do.SealShard(t.Context(), s.in); err == nil {
		t.Errorf("sealed %+v without the keys", sealed.Counts)
	}
}

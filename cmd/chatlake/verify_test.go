package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

func TestVerifiedText(t *testing.T) {
	v := inspect.Verified{
		Windows: 3, Files: 12, Bytes: 5000, Deep: true,
		Unreadable: []ledger.Finding{{Key: "_ledger/v1/x/g0002.json", Problem: "commit record is damaged"}},
		Damaged:    []inspect.Damage{{Finding: ledger.Finding{Key: "data/x.parquet", Problem: "the file is missing"}, Command: "copy x"}},
		Broken: []inspect.Contradiction{
			{Shard: "acme/created/v", Problem: "1 conversation is there more than once", Command: "copy v"},
			{Shard: "acme/created/u", Problem: "a generation is gone"},
		},
		Gaps:    []inspect.Gap{{Account: "acme", Stream: "created", Window: month(2)}},
		Dead:    []inspect.ShardCount{{Shard: "acme/created/x", Count: 2, Command: "copy x"}},
		Flagged: []inspect.ShardFlags{{Shard: "acme/created/y", Flags: []string{"count_mismatch", "message_count_mismatch"}, Mismatched: 3, Command: "copy y"}},
		Undecrypted: []inspect.Undecrypted{
			{Shard: "acme/created/r", Count: 2, Command: "copy r"},
			{Shard: "beta/created/s", Count: 1, Allowed: true, Command: "copy s"},
		},
		Unchecked: []inspect.Unchecked{{Account: "acme", Stream: "later", Windows: 4, Writer: "chatlake 0.9.0"}},
		Partial:   []string{"acme/created/z"},
		Totals: []inspect.Totals{
			{Account: "acme", Windows: 2, Requests: 3, Missing: []inspect.Missing{{Shard: "acme/created/w", Listed: 9, Counted: 12, Command: "copy w"}}, Failed: []string{"count: status 500"}},
			{Account: "beta", Note: "is on giosg, which cannot count conversations"},
		},
		Overlaps:    []inspect.Overlap{{Shard: "acme/created/p", Other: "acme/created/q"}},
		Orphans:     []string{"data/y.parquet"},
		Unwitnessed: []inspect.Unwitnessed{{Account: "acme", List: "chats", Windows: 3}},
		Less:        []inspect.ShardCount{{Shard: "acme/created/t", Count: 40, Command: "copy t"}},
		Omitted:     []inspect.Omitted{{Account: "beta", Document: "details", Windows: 2, Asked: 12, Omitted: 1200}},
		Staged:      inspect.Leftovers{Objects: 2, Bytes: 900, Open: 1},
	}
	var got bytes.Buffer
	if err := writeVerified(&got, v); err != nil {
		t.Fatal(err)
	}
	const want = `3 windows, 12 files (5.0 kB): read whole and compared with the ledger's digests, counts and conversations.
unreadable: _ledger/v1/x/g0002.json: commit record is damaged. Restore it from a backup or an older version; until then, its window does not count
damaged: data/x.parquet: the file is missing. Restore it, or copy again what it has: copy x
broken: acme/created/v: 1 conversation is there more than once. Copy it again: copy v
broken: acme/created/u: a generation is gone
gap: acme/created: no committed window covers 2025-02-01 to 2025-03-01. Copy it: chatlake export --account acme --from 2025-02-01 --to 2025-03-01
not copied: acme/created/x: 2 conversations; the table dead_letters says which and why. Once the cause is fixed: copy x
flagged: acme/created/y: count_mismatch and message_count_mismatch. Copy it again, or leave it as it is: copy y
  3 conversations with another number of messages than the platform states: stated_messages <> stored_messages
not decrypted: acme/created/r: 2 texts; they are null. Add the private keys to the account's secrets and copy them again: copy r
  Or accept it: allow_unreadable: true for the account
less: acme/created/t: 40 conversations without a document that says more than the list, as another window shows. Let the account request it always
  (docs/mapping-*.md says with which option), or copy the window again: copy t
not checked: acme/later: 4 windows of a stream that this build does not know. Their files were compared with the ledger; gaps, counts and duplicates
  were not checked. Run verify with the build that wrote them, or a newer one: chatlake 0.9.0
partial: acme/created/z was read with a token that does not see the whole account. Give the account one that does, and copy it again with --refresh
more now: acme/created/w: the platform counts 12 conversations, 9 were listed. Copy it again: copy w
not counted: acme: count: status 500
The platform of acme was asked for its counts: 2 windows with 3 requests.
beta is on giosg, which cannot count conversations.
overlap: acme/created/p and acme/created/q: a conversation may be in both; readers take its newest version (docs/lake.md, rule 3)
not decrypted: beta/created/s: 1 text; they are null, which the account allows (allow_unreadable)
unwitnessed: acme: only the platform's own answers, which agreed, show that the list chats is complete, in 3 windows (docs/protocol.md, Who witnesses a list)
omitted: beta: details was not requested of 1,200 conversations in 2 windows: it said no more than the list for any of the 12 that were compared
1 file that no record names, left by attempts that did not commit or are still running (--output json lists them, ` + "`chatlake lake sweep`" + ` removes old ones).
2 staged objects (900 B) of committed windows: no longer needed (` + "`chatlake lake sweep`" + `).
1 staged object of windows that are not committed: an export is running or was abandoned.
The lake is not whole.
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// verify runs the command and reads what it found.
func verify(t *testing.T, config string, args ...string) (inspect.Verified, int) {
	t.Helper()
	out, log, status := chatlake(t, append([]string{"verify", "--config", config, "--output", "json"}, args...)...)
	var v inspect.Verified
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %s%s", err, out, log)
	}
	return v, status
}

func TestVerifyAWholeLake(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}, gone: []string{"3"}})
	s.put(schemas.StreamCreated, month(2), content{whole: []string{"4"}})
	s.put(schemas.StreamReports, month(1), content{whole: []string{"1"}})
	for _, args := range [][]string{nil, {"--deep"}, {"--account", "acme", "--from", "2025-01-01", "--to", "2025-02-01"}} {
		if v, status := verify(t, s.config, args...); status != exitComplete || !v.Whole() || v.Windows == 0 {
			t.Errorf("verify %v: exit status %d, %+v", args, status, v)
		}
	}
}

// TestVerifyFindsWhatIsBroken breaks one thing at a time.
func TestVerifyFindsWhatIsBroken(t *testing.T) {
	whole := content{whole: []string{"1", "2"}, gone: []string{"3"}}
	counts := func(change func(*ledger.Counts)) func(*ledger.Record) {
		return func(r *ledger.Record) { change(&r.Counts) }
	}
	with := func(change func(*ledger.Record)) func(*shelf) {
		return func(s *shelf) {
			c := whole
			c.change = change
			s.put(schemas.StreamCreated, month(1), c)
		}
	}
	good := func(s *shelf) ledger.Record { return s.put(schemas.StreamCreated, month(1), whole) }
	generation := func(s *shelf, n int) ledger.Record {
		c := whole
		c.spec, c.change = fmt.Sprint("generation ", n), func(r *ledger.Record) { r.Generation = n }
		return s.put(schemas.StreamCreated, month(1), c)
	}
	tests := []struct {
		name  string
		make  func(s *shelf)
		deep  bool // only found so
		found string
	}{
		{"a count of conversations", with(counts(func(n *ledger.Counts) { n.Conversations, n.Listed = 3, 4 })), false, "broken: acme/created/20250101T000000Z~20250201T000000Z: its files have 2 rows of conversations, its counts say 3. Copy it again: chatlake export --account acme --from 2025-01-01 --to 2025-02-01 --window month --refresh"},
		{"a count of messages", with(counts(func(n *ledger.Counts) { n.Messages++ })), false, "4 rows of messages, its counts say 5"},
		{"a count of documents", with(counts(func(n *ledger.Counts) { n.Documents-- })), false, "3 rows of documents, its counts say 2"},
		{"a count of dead letters", with(counts(func(n *ledger.Counts) { n.Dead++; n.Listed++ })), false, "0 rows of dead_letters, its counts say 1"},
		{"a list that does not end in rows", with(counts(func(n *ledger.Counts) { n.Listed++ })), false, "4 conversations listed, but 2 whole, 1 gone and 0 dead"},
		{"a count of tombstones", with(counts(func(n *ledger.Counts) { n.Gone++; n.Listed++ })), true, "1 tombstone of conversations, its counts say 2"},
		{"a conversation twice", func(s *shelf) {
			s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2", "2"}})
		}, true, "1 conversation is there more than once: 2 (in conversations and conversations)"},
		{"a conversation that is dead and whole", func(s *shelf) {
			s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}, dead: []string{"2"}})
		}, true, "2 (in conversations and dead_letters)"},
		{"five conversations twice", func(s *shelf) {
			s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2", "3", "4", "5"}, gone: []string{"1", "2", "3", "4", "5"}})
		}, true, "5 conversations are there more than once: 1 (in conversations and tombstones), 2 (in conversations and tombstones), 3 (in conversations and tombstones) and 2 more"},
		{"a conversation in two windows", func(s *shelf) {
			s.put(schemas.StreamCreated, month(1), whole)
			s.put(schemas.StreamCreated, month(2), content{whole: []string{"7"}, gone: []string{whole.whole[0]}})
		}, true, "broken: acme/created/20250201T000000Z~20250301T000000Z: 1 conversation is also in acme/created/20250101T000000Z~20250201T000000Z: " + whole.whole[0]},
		{"a missing file", func(s *shelf) {
			if err := os.Remove(s.file(fileOf(s.t, good(s), "messages").Key)); err != nil {
				s.t.Fatal(err)
			}
		}, false, "the file is missing. Restore it, or copy again what it has: chatlake export"},
		{"other bytes", func(s *shelf) {
			f := fileOf(s.t, good(s), "messages")
			text, err := os.ReadFile(s.file(f.Key))
			if err != nil {
				s.t.Fatal(err)
			}
			text[20] ^= 1
			s.damage(f.Key, string(text))
		}, true, "digest does not match the record"},
		{"a damaged record", func(s *shelf) { s.damage(keyOf(good(s).Shard, 1), "{") }, false, "unreadable: _ledger/v1/provider=chatwoot/"},
		{"a damaged record of a later generation", func(s *shelf) { s.damage(keyOf(good(s).Shard, 2), "{") }, false, "g0002.json is damaged"},
		{"somebody else's file", func(s *shelf) { s.damage("_ledger/v1/provider=chatwoot/notes.txt", "hello") }, false, "notes.txt: this is not the key of a commit record"},
		{"a record that was deleted", func(s *shelf) {
			generation(s, 1)
			generation(s, 4)
		}, false, "the record of generation 3 is gone from the ledger, and generation 4 is there"},
		{"the first record that was deleted", func(s *shelf) { generation(s, 2) }, false, "the record of generation 1 is gone"},
		{"a gap", func(s *shelf) {
			good(s)
			s.put(schemas.StreamCreated, month(3), whole)
		}, false, "covers 2025-02-01 to 2025-03-01. Copy it: chatlake export --account acme --from 2025-02-01 --to 2025-03-01\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShelf(t)
			tt.make(s)
			s.put(schemas.StreamCreated, month(4), content{whole: []string{"9"}}) // which the rest must not stop
			s.put(schemas.StreamCreated, month(5), content{})
			args := []string{"verify", "--config", s.config, "--from", "2025-04-01", "--to", "2025-06-01"}
			if out, log, _ := chatlake(t, args...); !strings.Contains(out, "2 windows, ") {
				t.Errorf("the other windows were not looked at:\n%s%s", out, log)
			}
			args = args[:3]
			out, log, status := chatlake(t, append(args, "--deep")...)
			expect(t, "verify --deep", status, exitGaps, out+log, tt.found, "The lake is not whole.")
			out, _, _ = chatlake(t, args...)
			if strings.Contains(out, tt.found) == tt.deep {
				t.Errorf("found without --deep: %v, want %v\n%s", !tt.deep, tt.deep, out)
			}
		})
	}
}

// TestVerifyNamesStreamsItDoesNotKnow: what nobody checked must not be called whole, nor broken.
func TestVerifyNamesStreamsItDoesNotKnow(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	later := func(r *ledger.Record) { r.Counts.Conversations = 7 } // which means something else there
	s.put("later", month(1), content{whole: []string{"1"}, change: later})
	s.put("later", month(3), content{whole: []string{"1"}, change: later})
	out, log, status := chatlake(t, "verify", "--deep", "--config", s.config)
	expect(t, "verify", status, exitGaps, out+log, "3 windows, ", "not checked: acme/later: 2 windows of a stream", "What was checked is whole, but not everything could be checked.")
	for _, unwanted := range []string{"gap: ", "broken: ", "not whole"} {
		if strings.Contains(out, unwanted) {
			t.Errorf("%q in:\n%s", unwanted, out)
		}
	}
}

func TestVerifyNamesWhatIsHarmless(t *testing.T) {
	s := newShelf(t)
	january := s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	half, _, _ := month(1).Halve()
	s.put(schemas.StreamCreated, half, content{whole: []string{"1"}})
	s.damage("data/messages/provider=chatwoot/account=acme/stream=created/month=2025-01/lost.parquet", "x")
	s.damage("_staging/acme/created/"+january.Shard.Window.String()+"/g0001/page-0011223344556677", "staged")
	s.damage("_staging/acme/created/"+january.Shard.Window.String()+"/g0001/page-8899aabbccddeeff", "staged")
	s.damage("_staging/acme/created/"+january.Shard.Window.String()+"/g0002/page-0011223344556677", "staged")
	out, log, status := chatlake(t, "verify", "--config", s.config, "--deep")
	expect(t, "verify", status, exitComplete, out+log, "overlap: acme/created/20250101T000000Z~2025", "readers take its newest version",
		"1 file that no record names", "2 staged objects (12 B) of committed windows", "1 staged object of windows that are not committed", "The lake is whole.")
}

// TestVerifyAsksThePlatform: what was created later into a window that is committed is a gap that only the platform knows of.
func TestVerifyAsksThePlatform(t *testing.T) {
	t.Parallel()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 60, From: demo.From, To: demo.To})
	server := httptest.NewServer(chatwoot.New(corpus, chatwoot.Options{}))
	defer server.Close()
	config := write(t, server.URL, t.TempDir(), t.TempDir())
	out, log, status := chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-04-01")
	expect(t, "export", status, exitComplete, out+log)
	v, status := verify(t, config, "--provider-totals", "--deep")
	if status != exitComplete || len(v.Totals) != 1 || v.Totals[0].Windows != 3 || v.Totals[0].Requests == 0 || v.Totals[0].Requests > 30 {
		t.Fatalf("exit status %d, totals %+v; want three windows counted with few requests", status, v.Totals)
	}
	s := shelfAt(t, config)
	april := s.put(schemas.StreamCreated, month(4), content{whole: []string{"1"}}) // as if the platform had had one
	v, status = verify(t, config, "--provider-totals", "--from", "2025-04-01")
	if status != exitGaps || len(v.Totals) != 1 || len(v.Totals[0].Missing) != 1 || v.Totals[0].Missing[0].Shard != april.Shard.String() || v.Totals[0].Missing[0].Counted < 2 {
		t.Errorf("exit status %d, totals %+v; want April missing", status, v.Totals)
	}
	if v, status = verify(t, config); status != exitComplete || len(v.Totals) != 0 {
		t.Errorf("exit status %d, totals %+v without being asked", status, v.Totals)
	}
	setToken(t, config, "expired")
	v, status = verify(t, config, "--provider-totals", "--from", "2025-04-01")
	if status != exitGaps || len(v.Totals) != 1 || len(v.Totals[0].Failed) != 1 {
		t.Errorf("with a token that is refused: exit status %d, totals %+v", status, v.Totals)
	}
	setToken(t, config, "")
	out, log, status = chatlake(t, "verify", "--config", config, "--provider-totals")
	expect(t, "without a token", status, exitUsage, out+log, "/token cannot be read: no such file")
}

// An account that nobody knows is a slip of the pen, and not an account of which nothing is wrong.
func TestUnknownAccount(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	for _, command := range []string{"verify", "why 1", "lake files --table messages", "lake sql", "lake sweep", "lake vacuum --dry-run", "lake rebuild"} {
		_, errors, status := chatlake(t, append(strings.Fields(command), "--account", "acne", "--config", s.config)...)
		if status != exitUsage || !strings.Contains(errors, "there is no account acne") || !strings.Contains(errors, "acme") {
			t.Errorf("%s: exit status %d: %s", command, status, errors)
		}
	}
}

// TestVerifyKnowsWhatIsKept: a conversation that is gone or dead may have the rows of its last version, if the record says so. It may also
// be in any number of windows of changes.
func TestVerifyKnowsWhatIsKept(t *testing.T) {
	kept := func(kept int64) func(*ledger.Record) {
		return func(r *ledger.Record) {
			r.Counts.Conversations, r.Counts.Listed, r.Counts.Kept = r.Counts.Conversations-2, r.Counts.Listed-2, kept
		}
	}
	settled := content{whole: []string{"1", "2", "3"}, gone: []string{"2"}, dead: []string{"3"}}
	for name, tt := range map[string]struct {
		kept  int64
		found string
	}{
		"as the record says": {2, ""},
		"one less":           {1, "its files have 3 rows of conversations, its counts say 2"},
		"not said":           {0, "2 conversations are there more than once: 2 (in conversations and tombstones) and 3 (in conversations and dead_letters)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			settled.change = kept(tt.kept)
			s.put(schemas.StreamCreated, month(1), settled)
			for _, w := range []schemas.Window{month(3), month(4)} {
				s.put(schemas.StreamChanges, w, content{whole: []string{"1"}, change: func(r *ledger.Record) {
					r.Counts.Unchanged, r.Counts.Listed = 4, r.Counts.Listed+4
				}})
			}
			out, log, _ := chatlake(t, "verify", "--deep", "--config", s.config)
			if tt.found != "" && !strings.Contains(out, tt.found) || tt.found == "" && strings.Contains(out, "broken: ") {
				t.Errorf("want %q in:\n%s%s", tt.found, out, log)
			}
			for _, unwanted := range []string{"also in", "unchanged\n"} {
				if strings.Contains(out, unwanted) {
					t.Errorf("%q in:\n%s", unwanted, out)
				}
			}
		})
	}
}

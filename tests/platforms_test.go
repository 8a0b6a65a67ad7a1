package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

func corpus(conversations int) *simulator.Corpus {
	return simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 11, Conversations: conversations, From: year.From, To: year.To, GiantMessages: 300,
	})
}

// TestExportOfLivePerson is the round trip of LivePerson, with a token obtained by client credentials.
func TestExportOfLivePerson(t *testing.T) {
	site := liveperson.New(corpus(1000), liveperson.Options{PartialShards: 9, CutAbove: 40})
	folder := configureAccount(t, "{url: file:lake}", "{}", fmt.Sprintf(`
    provider: liveperson
    retention: 0 # the site deletes nothing, and the year is older than what LivePerson keeps
    base_url: %s
    account_id: "%s"
    secrets: {client_id: env:LIVEPERSON_CLIENT_ID, client_secret: env:LIVEPERSON_CLIENT_SECRET}`,
		serve(t, site), liveperson.DefaultAccount))
	start(t, folder, exportYear...).succeed(t)
	sameAsSite(t, filepath.Join(folder, "lake"), site, year, "record")
	staysSilent(t, filepath.Join(folder, "state"), site, liveperson.ClientSecret)
}

// TestExportOfGiosg is the round trip of Giosg with encrypted rooms, for which the platform has only the ciphertext.
func TestExportOfGiosg(t *testing.T) {
	site := giosg.New(corpus(1000), giosg.Options{Encrypted: true, EmptyPages: true})
	folder := configureAccount(t, "{url: file:lake}", "{}", fmt.Sprintf(`
    provider: giosg
    base_url: %s
    account_id: %s
    token: env:GIOSG_TOKEN
    secrets: {private_keys: env:GIOSG_KEY}`, serve(t, site), giosg.Organization))
	start(t, folder, exportYear...).succeed(t)
	sameAsSite(t, filepath.Join(folder, "lake"), site, year, "chat", "messages", "memberships", "tags")
	staysSilent(t, filepath.Join(folder, "state"), site, giosg.ManagerToken)
}

// monthly is a Freshchat site read in windows of a month.
type monthly struct {
	*freshchat.Site
	month map[string]schemas.Window // of each conversation
}

func (m monthly) Thread(id string) (schemas.Thread, bool) {
	return m.Site.Thread(id, freshchat.Reading{Lane: "both", Covered: []schemas.Window{m.month[id]}})
}

// TestExportOfFreshchat is the round trip of Freshchat with reports and both lanes, including the other reports.
func TestExportOfFreshchat(t *testing.T) {
	site := monthly{freshchat.New(corpus(1000), freshchat.Options{}), map[string]schemas.Window{}}
	for _, w := range year.Cut("month") {
		for _, id := range site.Conversations(w) {
			site.month[id] = w
		}
	}
	folder := configureAccount(t, "{url: file:lake}", "{}", fmt.Sprintf(`
    provider: freshchat
    retention: 0 # the site deletes nothing, and the year is older than what Freshchat keeps
    base_url: %s
    token: env:FRESHCHAT_TOKEN
    options: {reports_per_minute: 0, reports_per_day: 0}`, serve(t, site)))
	start(t, folder, exportYear...).succeed(t)
	root := filepath.Join(folder, "lake")
	sameAsSite(t, root, site, year, "conversation", "messages", "transcript")
	staysSilent(t, filepath.Join(folder, "state"), site, freshchat.Token)

	lake := openLake(t, root)
	lake.Stream = "reports"
	want := site.Report(year, "CSAT-Score", "Conversation-Resolution-Label", "Conversation-Resolved", "Conversation-Agent-Assigned",
		"Conversation-Group-Assigned", "First-Response-Time", "Response-Time", "Resolution-Time")
	got := schemas.Snapshot{Events: rows[schemas.Event](t, lake, "events"), Ratings: rows[schemas.Rating](t, lake, "ratings")}
	if diff := cmp.Diff(nameless(want), nameless(got)); diff != "" {
		t.Errorf("rows of reports (-site +lake):\n%s", diff)
	}
}

// nameless are the rows of reports as sorted texts, without their ids and observation times.
func nameless(s schemas.Snapshot) []string {
	var all []string
	for _, row := range s.Events {
		row.EventID, row.ObservedAt = "", time.Time{}
		if len(row.Attributes) == 0 {
			row.Attributes = nil
		}
		text, _ := json.Marshal(row)
		all = append(all, string(text))
	}
	for _, row := range s.Ratings {
		row.RatingID, row.ObservedAt = "", time.Time{}
		if len(row.Answers) == 0 {
			row.Answers = nil
		}
		text, _ := json.Marshal(row)
		all = append(all, string(text))
	}
	slices.Sort(all)
	return all
}

// staysSilent searches everything that a run has left in its state folder, mostly Temporal's histories, for people's words and
// addresses and for the secret.
func staysSilent(t *testing.T, state string, site site, secret string) {
	t.Helper()
	words := map[string]bool{secret: true}
	for _, id := range site.Conversations(year) {
		thread, _ := site.Thread(id)
		for _, m := range thread.Messages {
			if m.Text != nil && len(*m.Text) > 15 && plain.MatchString(*m.Text) {
				words[*m.Text] = true
			}
			if m.AuthorName != nil && len(*m.AuthorName) > 8 && plain.MatchString(*m.AuthorName) {
				words[*m.AuthorName] = true
			}
		}
		for _, p := range thread.Participants {
			if p.Email != nil {
				words[*p.Email] = true
			}
		}
	}
	if len(words) < 20 {
		t.Fatalf("only %d words to look for", len(words))
	}
	bytesLeft, known := 0, false
	err := filepath.WalkDir(state, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		left, err := os.ReadFile(name)
		bytesLeft += len(left)
		known = known || bytes.Contains(left, []byte("shard/acme/created"))
		for word := range words {
			if bytes.Contains(left, []byte(word)) {
				t.Errorf("%s holds %q", filepath.Base(name), word)
			}
		}
		return err
	})
	if err != nil || !known {
		t.Errorf("looked through %d bytes, error %v; what must stand there was found: %v", bytesLeft, err, known)
	}
}

// plain matches texts that JSON does not escape.
var plain = regexp.MustCompile(`^[a-zA-Z0-9 .,!?:]+$`)

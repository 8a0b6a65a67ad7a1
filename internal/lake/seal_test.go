package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

// shelf is a folder as a store, with only what a seal needs.
type shelf struct {
	root string
	fail func(key string) error // if not nil, the error of Put for key

	mu          sync.Mutex
	puts        []string
	now, atOnce int
}

func (s *shelf) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, _ bool) error {
	s.mu.Lock()
	s.puts = append(s.puts, key)
	s.now++
	s.atOnce = max(s.atOnce, s.now)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.now--; s.mu.Unlock() }()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if s.fail != nil {
		if err := s.fail(key); err != nil {
			return err
		}
	}
	data, err := io.ReadAll(body)
	if err != nil || int64(len(data)) != size {
		return fmt.Errorf("%d bytes of %d: %w", len(data), size, err)
	}
	p := filepath.Join(s.root, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p, data, 0o644)
}

func (s *shelf) Stat(_ context.Context, key string) (ledger.Object, error) {
	info, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(key)))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Object{}, ledger.ErrNotExist
	} else if err != nil {
		return ledger.Object{}, err
	}
	return ledger.Object{Key: key, Bytes: info.Size(), ModifiedAt: info.ModTime()}, nil
}

func (s *shelf) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, errors.New("a seal reads nothing")
}

func (s *shelf) List(context.Context, string) iter.Seq2[ledger.Object, error] {
	return func(yield func(ledger.Object, error) bool) {
		yield(ledger.Object{}, errors.New("a seal lists nothing"))
	}
}

func (s *shelf) Delete(context.Context, string) error { return errors.New("a seal deletes nothing") }

func (s *shelf) read(t *testing.T, key string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(key)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func some[T any](v T) *T { return &v }

var (
	sealFrom    = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	sealedShard = ledger.Shard{
		Provider: "chatwoot", Account: "acme", Stream: "created",
		Window: schemas.Window{From: sealFrom, To: sealFrom.AddDate(0, 1, 0)},
	}
)

// sealThread returns conversation i with its messages and one of everything else.
func sealThread(i, messages int) schemas.Thread {
	id := fmt.Sprint(10000 + i)
	at := sealFrom.Add(time.Duration(i) * time.Minute)
	t := schemas.Thread{
		Conversation: schemas.Conversation{
			ConversationID: id, ObservedAt: at, Status: some("open"), State: some("open"), CreatedAt: &at, ChannelID: some("3"),
			ContactID: some("c" + id), StoredMessages: int64(messages), Tags: []string{"vip", "return"},
			Attributes:    map[string]*string{"custom.order": some("o-" + id), "muted": some("false"), "sla": nil},
			ContentSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(id))),
		},
		Participants: []schemas.Participant{
			{ConversationID: id, ParticipantID: "c" + id, ObservedAt: at, Type: "contact", Role: "contact", Name: some("Person " + id)},
			{ConversationID: id, ParticipantID: "7", ObservedAt: at, Type: "agent", Role: "assignee", Name: some("Agent Seven")},
		},
		Events:      []schemas.Event{{ConversationID: id, EventID: "e" + id, ObservedAt: at, Kind: "activity", CreatedAt: &at}},
		Ratings:     []schemas.Rating{{ConversationID: id, RatingID: "r" + id, ObservedAt: at, Kind: "csat", Score: some(4.0), AnsweredAt: &at}},
		Attachments: []schemas.Attachment{{ConversationID: id, AttachmentID: "a" + id, ObservedAt: at, Kind: "image"}},
		Tombstones:  []schemas.Tombstone{{ConversationID: id, ObservedAt: at, MessageID: some("m"), Reason: "message_deleted"}},
	}
	for m := range messages {
		sent := at.Add(time.Duration(m) * time.Second)
		said := sealWords(i, m)
		t.Messages = append(t.Messages, schemas.Message{
			ConversationID: id, MessageID: fmt.Sprint(i*100 + m), ObservedAt: at, Sequence: int64(m), CreatedAt: &sent,
			AuthorType: some("agent"), Direction: some("out"), Kind: "message", Text: &said, Parts: []schemas.Part{{Type: "text", Text: &said}},
		})
	}
	return t
}

// sealWords returns about 300 bytes of text that differ from message to message and compress like conversation.
func sealWords(i, m int) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(i, "/", m)))
	var b strings.Builder
	for _, c := range sum {
		b.WriteString(sealVocabulary[int(c)%len(sealVocabulary)])
		fmt.Fprintf(&b, "%x ", c)
	}
	return b.String()
}

var sealVocabulary = strings.Fields("hello order please where thanks parcel refund number address delivery invoice friday broken " +
	"account password again waiting already email shipped size colour return label help")

func sealDocument(i, size int) schemas.Document {
	body := bytes.NewBufferString(`{"payload":[`)
	for body.Len() < size {
		fmt.Fprintf(body, `{"content":%q},`, sealWords(i, body.Len()))
	}
	return schemas.Document{Kind: "messages", ConversationID: fmt.Sprint(10000 + i), Status: 200, ObservedAt: sealFrom, Body: body.Bytes()}
}

// smallSeal returns a seal whose files and row groups have a few kilobytes. In even smaller ones the footer, with an entry for every
// column of every row group, would count for more than the rows.
func smallSeal(t *testing.T, s ledger.Store) (*Seal, string) {
	t.Helper()
	scratch := t.TempDir()
	seal, err := NewSeal(t.Context(), s, scratch, sealedShard, "test build")
	if err != nil {
		t.Fatal(err)
	}
	seal.fileBytes, seal.rowGroupBytes, seal.bufferedBytes = 96<<10, 32<<10, 128<<10
	return seal, scratch
}

func sealAll(t *testing.T, seal *Seal, threads int) []ledger.File {
	t.Helper()
	for i := range threads {
		if err := seal.Thread(sealThread(i, 8)); err != nil {
			t.Fatal(err)
		}
		if err := seal.Document(sealDocument(i, 4000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := seal.DeadLetter(schemas.DeadLetter{ConversationID: "1", ObservedAt: sealFrom, Step: "FetchMessages", ErrorKind: "Timeout"}); err != nil {
		t.Fatal(err)
	}
	if err := seal.Tombstone(schemas.Tombstone{ConversationID: "2", ObservedAt: sealFrom, Reason: "conversation_not_found"}); err != nil {
		t.Fatal(err)
	}
	if err := seal.Audit(schemas.Audit{AuditID: "1", ConversationID: "1", AskedAt: &sealFrom, StateBefore: map[string]*string{"is_ended": nil}}); err != nil {
		t.Fatal(err)
	}
	err := seal.Snapshot(schemas.Snapshot{
		Agents: []schemas.Agent{{AgentID: "7"}}, Contacts: []schemas.Contact{{ContactID: "1", CreatedAt: &sealFrom}},
		Groups: []schemas.Group{{GroupID: "1"}}, Channels: []schemas.Channel{{ChannelID: "1"}},
		Labels: []schemas.Label{{LabelID: "1"}}, Fields: []schemas.Field{{FieldID: "1", Choices: []string{"a", "b"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := seal.Close(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSeal(t *testing.T) {
	store := &shelf{root: t.TempDir()}
	seal, scratch := smallSeal(t, store)
	const threads = 200
	files := sealAll(t, seal, threads)

	rows, count, tables := map[string]int64{}, map[string]int{}, []string(nil)
	for _, f := range files {
		if count[f.Table]++; count[f.Table] == 1 {
			tables = append(tables, f.Table)
		}
		rows[f.Table] += f.Rows
		want := fmt.Sprintf("data/%s/provider=chatwoot/account=acme/stream=created/month=2026-05/20260501T000000Z~20260601T000000Z-%04d-%s.parquet",
			f.Table, count[f.Table], f.SHA256[:16])
		if f.Key != want {
			t.Errorf("key %s, want %s", f.Key, want)
		}
		data := store.read(t, f.Key)
		if sum := fmt.Sprintf("%x", sha256.Sum256(data)); sum != f.SHA256 || int64(len(data)) != f.Bytes {
			t.Errorf("%s: %d bytes of %s in the store, %d of %s said", f.Key, len(data), sum, f.Bytes, f.SHA256)
		}
		if f.Bytes > seal.fileBytes {
			t.Errorf("%s has %d bytes, %d at most", f.Key, f.Bytes, seal.fileBytes)
		}
		got, err := parquet.Inspect(bytes.NewReader(data), f.Bytes)
		if err != nil {
			t.Error(err)
		}
		info := parquet.Info{Table: f.Table, SchemaVersion: schemas.Version, Writer: "test build", Rows: f.Rows, RowGroups: f.RowGroups}
		if diff := cmp.Diff(info, got); diff != "" {
			t.Errorf("%s (-said +inside)\n%s", f.Key, diff)
		}
	}
	var order []string
	for _, s := range schemas.Shapes() {
		order = append(order, s.Table)
	}
	if diff := cmp.Diff(order, tables); diff != "" {
		t.Errorf("order of tables (-want +got)\n%s", diff)
	}
	want := map[string]int64{
		"conversations": threads, "messages": 8 * threads, "participants": 2 * threads, "events": threads, "ratings": threads,
		"attachments": threads, "documents": threads, "dead_letters": 1, "tombstones": threads + 1,
		"agents": 1, "contacts": 1, "groups": 1, "channels": 1, "labels": 1, "fields": 1, "audits": 1,
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got)\n%s", diff)
	}
	if count["messages"] < 2 || count["documents"] < 2 {
		t.Errorf("files per table: %v; messages and documents should have been cut", count)
	}
	if store.atOnce > sealUploads {
		t.Errorf("%d uploads at once, %d at most", store.atOnce, sealUploads)
	}
	checkScratch(t, scratch)
}

func checkScratch(t *testing.T, scratch string) {
	t.Helper()
	left, err := os.ReadDir(scratch)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left in scratch: %v", left)
	}
}

func TestSealCreatedAt(t *testing.T) {
	seal, _ := smallSeal(t, &shelf{root: t.TempDir()})
	for _, f := range sealAll(t, seal, 3) {
		from, to := &sealFrom, some(sealFrom.Add(2*time.Minute))
		switch f.Table {
		case "conversations", "events", "ratings":
		case "messages":
			to = some(sealFrom.Add(2*time.Minute + 7*time.Second))
		case "contacts", "audits":
			to = from
		default:
			from, to = nil, nil
		}
		if !cmp.Equal(f.MinCreatedAt, from) || !cmp.Equal(f.MaxCreatedAt, to) {
			t.Errorf("%s from %v to %v, want %v to %v", f.Table, f.MinCreatedAt, f.MaxCreatedAt, from, to)
		}
	}
}

func TestSealAgainWritesNothingNew(t *testing.T) {
	store := &shelf{root: t.TempDir()}
	first, _ := smallSeal(t, store)
	want := sealAll(t, first, 50)
	store.puts = nil
	second, scratch := smallSeal(t, store)
	got := sealAll(t, second, 50)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the same rows are other files (-first +second)\n%s", diff)
	}
	if len(store.puts) > 0 {
		t.Errorf("uploaded again: %v", store.puts)
	}
	checkScratch(t, scratch)
}

// TestSealWritesOldFilesAnew: a sweep may delete old files only because seals write them again.
func TestSealWritesOldFilesAnew(t *testing.T) {
	store := &shelf{root: t.TempDir()}
	first, _ := smallSeal(t, store)
	files := sealAll(t, first, 50)
	store.puts = nil
	second, _ := smallSeal(t, store)
	second.now = func() time.Time { return time.Now().Add(ledger.ReuseWithin + time.Hour) }
	if sealAll(t, second, 50); len(store.puts) != len(files) {
		t.Errorf("%d files were uploaded, want all %d", len(store.puts), len(files))
	}
}

func TestSealWithoutRows(t *testing.T) {
	seal, scratch := smallSeal(t, &shelf{root: t.TempDir()})
	files, err := seal.Close(context.Background())
	if err != nil || len(files) != 0 {
		t.Errorf("files %v, error %v", files, err)
	}
	checkScratch(t, scratch)
}

func TestSealFails(t *testing.T) {
	refused := errors.New("refused")
	tests := []struct {
		name string
		fail func(key string) error
		prep func(*Seal) context.Context
		want error
	}{
		{name: "first upload", want: refused, fail: func(string) error { return refused }},
		{name: "last table", want: refused, fail: func(key string) error {
			if strings.Contains(key, "/fields/") {
				return refused
			}
			return nil
		}},
		{name: "cancelled", want: context.Canceled, prep: func(*Seal) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}},
		{name: "scratch is gone", want: fs.ErrNotExist, prep: func(s *Seal) context.Context {
			os.RemoveAll(s.scratch)
			return context.Background()
		}},
		{name: "scratch is shut", want: os.ErrClosed, prep: func(s *Seal) context.Context {
			if err := s.Thread(sealThread(0, 1)); err != nil {
				t.Fatal(err)
			}
			s.messages.temp.Close()
			return context.Background()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seal, scratch := smallSeal(t, &shelf{root: t.TempDir(), fail: tt.fail})
			ctx := context.Background()
			if tt.prep != nil {
				ctx = tt.prep(seal)
			}
			var failed error
			for i := 0; i < 300 && failed == nil; i++ {
				failed = seal.Thread(sealThread(i, 8))
			}
			if failed == nil {
				failed = seal.Snapshot(schemas.Snapshot{Fields: []schemas.Field{{FieldID: "1"}}})
			}
			files, err := seal.Close(ctx)
			if !errors.Is(err, tt.want) || files != nil {
				t.Errorf("files %v, error %v, want %v", files, err, tt.want)
			}
			if failed != nil && !errors.Is(failed, tt.want) {
				t.Errorf("rows refused with %v, want %v", failed, tt.want)
			}
			checkScratch(t, scratch)
		})
	}
}

func TestSealDiscard(t *testing.T) {
	seal, scratch := smallSeal(t, &shelf{root: t.TempDir()})
	for i := range 100 {
		if err := seal.Thread(sealThread(i, 8)); err != nil {
			t.Fatal(err)
		}
	}
	seal.Discard()
	seal.Discard()
	checkScratch(t, scratch)
	if files, err := seal.Close(context.Background()); !errors.Is(err, errSealEnded) || files != nil {
		t.Errorf("closed after discard: files %v, error %v", files, err)
	}
	if err := seal.Document(sealDocument(1, 10)); !errors.Is(err, errSealEnded) {
		t.Errorf("row after discard: error %v", err)
	}
}

// TestSealChecks changes a file on disk after it was written, as a failing disk would.
func TestSealChecks(t *testing.T) {
	seal, _ := smallSeal(t, &shelf{root: t.TempDir()})
	defer seal.Discard()
	temp, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer temp.Close()
	w, err := parquet.NewWriter(temp, schemas.Tombstones, parquet.Options{Writer: "test build"})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := w.Append(&schemas.Tombstone{ConversationID: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(temp.Name())
	if err != nil {
		t.Fatal(err)
	}
	f := ledger.File{Table: "tombstones", Bytes: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data)), Rows: 100, RowGroups: 1}
	if err := seal.check(temp, f); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ledger.File){
		"rows":       func(f *ledger.File) { f.Rows++ },
		"row groups": func(f *ledger.File) { f.RowGroups++ },
		"table":      func(f *ledger.File) { f.Table = "messages" },
		"size":       func(f *ledger.File) { f.Bytes-- },
		"digest":     func(f *ledger.File) { f.SHA256 = strings.Repeat("0", 64) },
	} {
		other := f
		change(&other)
		if err := seal.check(temp, other); err == nil {
			t.Errorf("other %s: no error", name)
		}
	}
	for _, at := range []int64{0, 50, int64(len(data)) - 1} {
		if _, err := temp.WriteAt([]byte{data[at] ^ 1}, at); err != nil {
			t.Fatal(err)
		}
		if err := seal.check(temp, f); err == nil {
			t.Errorf("byte %d changed on disk: no error", at)
		}
		if _, err := temp.WriteAt([]byte{data[at]}, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSealsShareMemory starts a third seal, which waits until one of two others has ended.
func TestSealsShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(ledger.New(&drain{shelf{root: t.TempDir()}}, "", nil), Config{Scratch: t.TempDir(), Writer: "test"})
		begin := func(ctx context.Context) *Seal {
			s, err := l.Seal(ctx, sealedShard)
			if err != nil {
				t.Error(err)
			}
			return s
		}
		first, second := begin(t.Context()), begin(t.Context())
		impatient, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Minute)
			cancel(errSealEnded)
		}()
		if _, err := l.Seal(impatient, sealedShard); !errors.Is(err, errSealEnded) {
			t.Errorf("a third seal ended its wait with %v", err)
		}
		var third *Seal
		go func() { third = begin(t.Context()) }()
		synctest.Wait()
		if third != nil {
			t.Error("a third seal did not wait")
		}
		if _, err := second.Close(t.Context()); err != nil {
			t.Error(err)
		}
		second.Discard() // releases nothing a second time
		synctest.Wait()
		if third == nil {
			t.Fatal("a third seal waits although one of two has ended")
		}
		fourth := make(chan *Seal, 1)
		go func() { fourth <- begin(t.Context()) }()
		synctest.Wait()
		if len(fourth) > 0 {
			t.Error("a fourth seal did not wait")
		}
		first.Discard()
		third.Discard()
		(<-fourth).Discard()
	})
}

package receive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openSpool(t *testing.T, folder string, most int64) *Spool {
	t.Helper()
	s, err := OpenSpool(folder, most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// collect delivers everything that is in a spool.
func collect(t *testing.T, s *Spool) (got []string) {
	t.Helper()
	err := s.Drain(t.Context(), Delivery{Deliver: func(_ context.Context, account string, ids []string) error {
		for _, id := range ids {
			got = append(got, account+":"+id)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSpoolDeliversOnceAndRemoves(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 1<<20)
	for _, e := range []Event{{Account: "a", Conversations: []string{"1", "2"}}, {Account: "b", Conversations: []string{"1"}}, {Account: "a", Conversations: []string{"2", "3"}}} {
		if err := s.Keep(e); err != nil {
			t.Fatal(err)
		}
	}
	if bytes, _ := s.Waiting(); bytes == 0 {
		t.Error("nothing waits")
	}
	if got, want := collect(t, s), []string{"a:1", "a:2", "a:3", "b:1"}; !cmp.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
	if got := collect(t, s); len(got) > 0 {
		t.Errorf("delivered again: %v", got)
	}
	if bytes, _ := s.Waiting(); bytes != 0 || len(segments(t, folder)) > 0 {
		t.Errorf("%d bytes in %v are left", bytes, segments(t, folder))
	}
}

func TestSpoolOutlivesItsProcess(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 1<<20)
	if err := s.Keep(Event{Account: "a", Conversations: []string{"1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpool(folder, 1<<20); !errors.Is(err, ErrInUse) {
		t.Errorf("a second process opens the folder: %v", err)
	}
	failing := Delivery{Deliver: func(context.Context, string, []string) error { return errors.New("Temporal is down") }}
	if err := s.Drain(t.Context(), failing); err == nil {
		t.Error("a delivery that fails is no error")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(Event{Account: "a", Conversations: []string{"2"}}); err == nil {
		t.Error("a closed spool keeps something")
	}
	again := openSpool(t, folder, 1<<20)
	if err := again.Keep(Event{Account: "a", Conversations: []string{"3"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := collect(t, again), []string{"a:1", "a:3"}; !cmp.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

// TestSpoolIsTorn cuts a segment at each byte, as a crash may leave it: whole entries before the cut are delivered.
func TestSpoolIsTorn(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 1<<20)
	var ends []int64
	for i := range 3 {
		if err := s.Keep(Event{Account: "a", Conversations: []string{fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
		bytes, _ := s.Waiting()
		ends = append(ends, bytes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(segments(t, folder)[0])
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "00000000000000000007.spool")
	for cut := range len(whole) + 1 {
		if err := os.WriteFile(name, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		events, torn, err := segment{name: name}.read()
		want := 0
		for _, end := range ends {
			if int64(cut) >= end {
				want++
			}
		}
		if err != nil || len(events) != want || (torn > 0) != (cut > 0 && !slices.Contains(ends, int64(cut))) {
			t.Fatalf("cut at %d: %d entries, %d bytes torn, %v; want %d entries", cut, len(events), torn, err, want)
		}
	}
	for at := range whole { // one byte is damaged: every other entry is delivered, unless its length is
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x01
		if err := os.WriteFile(name, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if events, torn, err := (segment{name: name}).read(); err != nil || torn == 0 || len(events) > 2 {
			t.Fatalf("damaged at %d: %d entries, %d bytes torn, %v", at, len(events), torn, err)
		}
	}
}

func TestSpoolIsFull(t *testing.T) {
	s := openSpool(t, t.TempDir(), 200)
	e := Event{Account: "a", Conversations: []string{"0123456789"}}
	kept := 0
	for ; kept < 100; kept++ {
		if err := s.Keep(e); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if _, failed := s.Waiting(); kept == 0 || kept == 100 || !errors.Is(failed, ErrFull) {
		t.Errorf("kept %d, %v", kept, failed)
	}
	collect(t, s)
	if err := s.Keep(e); err != nil {
		t.Errorf("after the delivery: %v", err)
	}
}

// TestSpoolCannotBeWritten takes the folder away: nothing is acknowledged until it is back.
func TestSpoolCannotBeWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	s := openSpool(t, folder, 1<<20)
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(Event{Account: "a", Conversations: []string{"1"}}); err == nil {
		t.Error("kept without a folder")
	}
	if err := os.Rename(folder+"-away", folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(Event{Account: "a", Conversations: []string{"2"}}); err != nil {
		t.Error(err)
	}
	if got, want := collect(t, s), []string{"a:2"}; !cmp.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

// TestSpoolRuns keeps events from many goroutines while they are delivered, and deliveries fail now and then.
func TestSpoolRuns(t *testing.T) {
	s := openSpool(t, t.TempDir(), 1<<20)
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	got, calls := map[string]int{}, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, Delivery{Every: time.Millisecond, Failed: func(error) {}, Deliver: func(_ context.Context, _ string, ids []string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == 3 {
				return errors.New("not now")
			}
			for _, id := range ids {
				got[id]++
			}
			return nil
		}})
	}()
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 50 {
				if err := s.Keep(Event{Account: "a", Conversations: []string{fmt.Sprintf("%d-%d", g, i)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if bytes, _ := s.Waiting(); bytes == 0 {
			break
		}
	}
	stop()
	<-done
	if len(got) != 400 || calls < 4 {
		t.Errorf("%d of 400 conversations in %d deliveries", len(got), calls)
	}
}

func segments(t *testing.T, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

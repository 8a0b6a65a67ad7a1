package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/workflows"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// after is a snapshot some seconds after noon.
func after(seconds float64, conversations int64) operate.Snapshot {
	return operate.Snapshot{
		At: noon.Add(time.Duration(seconds * float64(time.Second))), State: workflows.StateRunning,
		Windows: 10, Done: 1, Conversations: conversations, Expected: 1000,
	}
}

// scenes are moments in the life of an export: what was known, in order.
func scenes() map[string][]operate.Snapshot {
	running := operate.Snapshot{
		At: noon.Add(2 * time.Second), State: workflows.StateRunning, Windows: 13, Done: 7, InFlight: 2,
		Conversations: 1163, Expected: 2000, Messages: 11402, Estimated: true, Requests: 3480, Throttled: 2,
	}
	before := running
	before.At, before.Conversations, before.Messages, before.Requests = noon, 339, 3402, 1003
	until := noon.Add(5 * time.Minute)
	with := func(change func(*operate.Snapshot)) operate.Snapshot {
		s := running
		change(&s)
		return s
	}
	return map[string][]operate.Snapshot{
		"starting": {{At: noon, State: workflows.StateStarting}},
		"running":  {before, running},
		"waiting": {with(func(s *operate.Snapshot) {
			s.Waiting = []operate.Wait{{Waiting: workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "put data/x: status 507:\n no space", Since: noon.Add(-time.Hour), Until: &until}, Windows: 2}}
			s.Stands, s.WaitingUntil = true, &until
		})},
		"one waits": {before, with(func(s *operate.Snapshot) {
			s.Waiting = []operate.Wait{{Waiting: workflows.Waiting{For: "platform", Kind: "Transient", Why: "status 503", Since: noon, Until: &until}, Windows: 1}}
		})},
		"paused": {with(func(s *operate.Snapshot) { s.State = workflows.StatePaused })},
		"blocked": {with(func(s *operate.Snapshot) {
			s.State = workflows.StateBlocked
			s.Blocked = []workflows.BlockedShard{
				{Shard: "shard/acme/created/20250101T000000Z~20250201T000000Z", Kind: "Denied", Detail: "list conversations: status 401: access is refused"},
				{Shard: "shard/acme/created/20250201T000000Z~20250301T000000Z", Kind: "Denied", Detail: "list conversations: status 401: access is refused"},
			}
		})},
		"done": {with(func(s *operate.Snapshot) {
			s.State, s.Done, s.InFlight, s.Conversations, s.Estimated = workflows.StateDone, 13, 0, 2000, false
		})},
	}
}

func TestFrame(t *testing.T) {
	want := map[string]string{
		"starting": `
Exporting acme
  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   0 %   0 of 0 windows done
  0 conversations   0 messages
  0 requests   0 × 429   starting`,
		"running": `
Exporting acme
  ███████████████████████░░░░░░░░░░░░░░░░░  58 %   7 of 13 windows done, 2 in flight
  1,163 of ~2,000 conversations (412/s)   ~11,402 messages (4,000/s)
  3,480 requests (1,239/s)   2 × 429   about 2 s left`,
		"waiting": `
Exporting acme
  ███████████████████████░░░░░░░░░░░░░░░░░  58 %   7 of 13 windows done, 2 in flight
  1,163 of ~2,000 conversations   ~11,402 messages
  3,480 requests   2 × 429   waiting for the lake until 12:05:00 UTC
  2 windows waiting for the lake until 12:05:00 UTC, since 2026-01-01 11:00:00 UTC: put data/x: sta…`,
		"one waits": `
Exporting acme
  ███████████████████████░░░░░░░░░░░░░░░░░  58 %   7 of 13 windows done, 2 in flight
  1,163 of ~2,000 conversations (412/s)   ~11,402 messages (4,000/s)
  3,480 requests (1,239/s)   2 × 429   about 2 s left
  1 window waiting for the platform until 12:05:00 UTC, since 2026-01-01 12:00:00 UTC: status 503`,
		"paused": `
Exporting acme
  ███████████████████████░░░░░░░░░░░░░░░░░  58 %   7 of 13 windows done, 2 in flight
  1,163 of ~2,000 conversations   ~11,402 messages
  3,480 requests   2 × 429   paused; ` + "`chatlake resume`" + ` continues`,
		"blocked": `
Exporting acme
  ███████████████████████░░░░░░░░░░░░░░░░░  58 %   7 of 13 windows done, 2 in flight
  1,163 of ~2,000 conversations   ~11,402 messages
  3,480 requests   2 × 429   waiting for a person
  2 blocked, for example acme/created/20250101T000000Z~20250201T000000Z: list conversations: status…`,
		"done": `
Exporting acme
  ████████████████████████████████████████ 100 %   13 of 13 windows done
  2,000 conversations   11,402 messages
  3,480 requests   2 × 429   done`,
	}
	for name, seen := range scenes() {
		t.Run(name, func(t *testing.T) {
			var p operate.Pace
			for _, s := range seen {
				p.Add(s)
			}
			var got bytes.Buffer
			terminal.NewScreen(&got, 100, 1).Put(0, frame("Exporting acme", seen[len(seen)-1], &p, 100)...)
			if diff := cmp.Diff(want[name]+"\n", "\n"+got.String()); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogLine(t *testing.T) {
	want := map[string]string{
		"starting": "12:00:00  0 of 0 windows done  0 conversations  0 messages  0 requests  0 × 429  starting",
		"running": "12:00:02  7 of 13 windows done, 2 in flight  1,163 of ~2,000 conversations (412/s)  ~11,402 messages (4,000/s)  " +
			"3,480 requests (1,239/s)  2 × 429  about 2 s left",
		"waiting": "12:00:02  7 of 13 windows done, 2 in flight  1,163 of ~2,000 conversations  ~11,402 messages  3,480 requests  2 × 429  " +
			"2 windows waiting for the lake until 12:05:00 UTC, since 2026-01-01 11:00:00 UTC: put data/x: status 507: no space",
		"one waits": "12:00:02  7 of 13 windows done, 2 in flight  1,163 of ~2,000 conversations (412/s)  ~11,402 messages (4,000/s)  " +
			"3,480 requests (1,239/s)  2 × 429  about 2 s left  " +
			"1 window waiting for the platform until 12:05:00 UTC, since 2026-01-01 12:00:00 UTC: status 503",
		"paused": "12:00:02  7 of 13 windows done, 2 in flight  1,163 of ~2,000 conversations  ~11,402 messages  3,480 requests  2 × 429  " +
			"paused; `chatlake resume` continues",
		"blocked": "12:00:02  7 of 13 windows done, 2 in flight  1,163 of ~2,000 conversations  ~11,402 messages  3,480 requests  2 × 429  " +
			"2 blocked  waiting for a person",
		"done": "12:00:02  13 of 13 windows done  2,000 conversations  11,402 messages  3,480 requests  2 × 429  done",
	}
	for name, seen := range scenes() {
		t.Run(name, func(t *testing.T) {
			var p operate.Pace
			for _, s := range seen {
				p.Add(s)
			}
			if diff := cmp.Diff(want[name], logLine(seen[len(seen)-1], &p)); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestView(t *testing.T) {
	t.Run("on a terminal it is redrawn", func(t *testing.T) {
		var out bytes.Buffer
		v := &view{screen: terminal.NewScreen(&out, 60, 1), title: "T"}
		v.Show(after(0, 1))
		v.Show(after(1, 2))
		v.Ended()
		if got := strings.Count(out.String(), "\x1b[4A\x1b[J"); got != 2 {
			t.Errorf("erased %d times four lines, want 2:\n%q", got, out.String())
		}
	})
	t.Run("elsewhere it is a line now and then, without escapes", func(t *testing.T) {
		var out bytes.Buffer
		v := &view{screen: terminal.NewScreen(&out, 0, 1), title: "T", every: time.Second}
		for i := range 10 {
			v.Show(after(float64(i)/2, int64(i)))
		}
		v.Ended()
		if got := strings.Count(out.String(), "\n"); got != 5 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%d lines, want 5:\n%q", got, out.String())
		}
	})
}

func TestPerSecond(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{perSecond(0), ""}, {perSecond(0.25), " (0.2/s)"}, {perSecond(1234.5), " (1,235/s)"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

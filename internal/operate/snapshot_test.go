package operate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/workflows"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestSnapshot(t *testing.T) {
	totals := workflows.Totals{Listed: 200, Conversations: 190, Gone: 6, Dead: 4, Messages: 1900, Requests: 500, Throttled: 3}
	soon, later := noon.Add(time.Minute), noon.Add(time.Hour)
	awaits := func(until *time.Time, party string) *workflows.Waiting {
		return &workflows.Waiting{For: party, Why: "status 503", Since: noon, Until: until}
	}
	tests := []struct {
		name   string
		export workflows.ExportProgress
		shards []workflows.ShardProgress
		want   Snapshot
	}{
		{"just begun", workflows.ExportProgress{State: workflows.StateStarting}, nil, Snapshot{State: workflows.StateStarting}},
		{
			"finished windows only", workflows.ExportProgress{State: workflows.StateRunning, Windows: 4, Done: 2, Totals: totals}, nil,
			Snapshot{State: workflows.StateRunning, Windows: 4, Done: 2, Conversations: 200, Expected: 400, Messages: 1900, Requests: 500, Throttled: 3},
		}, {
			"a window in flight counts with what it has fetched, and its messages are estimated",
			workflows.ExportProgress{State: workflows.StateRunning, Windows: 4, Done: 2, Running: []string{"shard/a"}, Totals: totals},
			[]workflows.ShardProgress{{Listed: 50, Fetched: 19, Expected: new(int64(100)), Requests: 30, Throttled: 1}},
			Snapshot{
				State: workflows.StateRunning, Windows: 4, Done: 2, InFlight: 1, Conversations: 219, Expected: 400,
				Messages: 2090, Estimated: true, Requests: 530, Throttled: 4,
			},
		}, {
			"more was listed than the platform counted",
			workflows.ExportProgress{State: workflows.StateRunning, Windows: 1, Running: []string{"shard/a"}},
			[]workflows.ShardProgress{{Listed: 120, Fetched: 10, Expected: new(int64(100))}},
			Snapshot{State: workflows.StateRunning, Windows: 1, InFlight: 1, Conversations: 10, Expected: 120},
		}, {
			"all windows wait",
			workflows.ExportProgress{State: workflows.StateRunning, Windows: 2, Running: []string{"shard/a", "shard/b"}},
			[]workflows.ShardProgress{{Waiting: awaits(&later, "platform")}, {Waiting: awaits(&soon, "platform")}},
			Snapshot{
				State: workflows.StateRunning, Windows: 2, InFlight: 2, Stands: true, WaitingUntil: &soon, Waiting: []Wait{{*awaits(&soon, "platform"), 2}},
			},
		}, {
			"all windows wait, for different things",
			workflows.ExportProgress{State: workflows.StateRunning, Windows: 2, Running: []string{"shard/a", "shard/b"}},
			[]workflows.ShardProgress{{Waiting: awaits(&later, "platform")}, {Waiting: awaits(&soon, "lake")}},
			Snapshot{
				State: workflows.StateRunning, Windows: 2, InFlight: 2, Stands: true, WaitingUntil: &soon,
				Waiting: []Wait{{*awaits(&later, "platform"), 1}, {*awaits(&soon, "lake"), 1}},
			},
		}, {
			"the export itself waits",
			workflows.ExportProgress{State: workflows.StateWaiting, Windows: 2, Waiting: awaits(&soon, "budget")}, nil,
			Snapshot{State: workflows.StateWaiting, Windows: 2, Stands: true, WaitingUntil: &soon, Waiting: []Wait{{*awaits(&soon, "budget"), 0}}},
		}, {
			"another export copies its windows",
			workflows.ExportProgress{State: workflows.StateWaiting, Windows: 2, Running: []string{"shard/a"}, Waiting: awaits(nil, "another export")},
			[]workflows.ShardProgress{{}},
			Snapshot{State: workflows.StateWaiting, Windows: 2, InFlight: 1, Waiting: []Wait{{*awaits(nil, "another export"), 0}}},
		}, {
			"one window still moves",
			workflows.ExportProgress{State: workflows.StateRunning, Windows: 2, Running: []string{"shard/a", "shard/b"}},
			[]workflows.ShardProgress{{Waiting: awaits(&later, "platform")}, {}},
			Snapshot{State: workflows.StateRunning, Windows: 2, InFlight: 2, Waiting: []Wait{{*awaits(&later, "platform"), 1}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.At = noon
			if diff := cmp.Diff(tt.want, newSnapshot(noon, tt.export, tt.shards)); diff != "" {
				t.Errorf("snapshot (-want +got):\n%s", diff)
			}
		})
	}
}

// after is a snapshot some seconds after noon.
func after(seconds float64, conversations int64) Snapshot {
	return Snapshot{
		At: noon.Add(time.Duration(seconds * float64(time.Second))), State: workflows.StateRunning,
		Windows: 10, Done: 1, Conversations: conversations, Expected: 1000,
	}
}

func TestPace(t *testing.T) {
	tests := []struct {
		name    string
		samples []Snapshot
		rate    float64
		left    time.Duration // 0: nothing can be said
	}{
		{"nothing seen", nil, 0, 0},
		{"one look", []Snapshot{after(0, 100)}, 0, 0},
		{"what was there at the first look is not speed", []Snapshot{after(0, 500), after(1, 550)}, 50, 9 * time.Second},
		{"standing still", []Snapshot{after(0, 500), after(5, 500)}, 0, 0},
		{"two looks at one moment", []Snapshot{after(0, 500), after(0, 600)}, 0, 0},
		{"a count that falls is no speed", []Snapshot{after(0, 500), after(1, 400)}, 0, 0},
		{
			"only the last ten seconds count",
			[]Snapshot{after(0, 0), after(5, 500), after(10, 510), after(15, 520), after(20, 530)}, 2, 235 * time.Second,
		},
		{"slower than anybody waits for", []Snapshot{after(0, 0), after(1, 0), {
			At: noon.Add(10 * time.Second), State: workflows.StateRunning, Conversations: 1, Expected: 1 << 40,
		}}, 0.1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Pace
			for _, s := range tt.samples {
				p.Add(s)
			}
			if got := p.Conversations(); got != tt.rate {
				t.Errorf("rate %v, want %v", got, tt.rate)
			}
			if left, ok := p.Left(); left != tt.left || ok != (tt.left != 0) {
				t.Errorf("left %v, %v, want %v", left, ok, tt.left)
			}
		})
	}
}

func TestPaceForgets(t *testing.T) {
	var p Pace
	for i := range 10_000 {
		p.Add(after(float64(i)/2, int64(i)))
	}
	if n := len(p.samples); n > 30 {
		t.Errorf("%d samples kept, want those of about ten seconds", n)
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		s    Snapshot
		want float64
	}{
		{Snapshot{}, 0},
		{Snapshot{Windows: 4, Done: 1}, 0.25},
		{Snapshot{Windows: 4, Done: 1, Conversations: 30, Expected: 40}, 0.75},
		{Snapshot{State: workflows.StateDone, Windows: 4}, 1},
	} {
		if got := tt.s.Share(); got != tt.want {
			t.Errorf("share of %+v is %v, want %v", tt.s, got, tt.want)
		}
	}
}

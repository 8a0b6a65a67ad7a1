package activities_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
)

// plans returns the plan of a settle for the window, after its last time.
func (s *settling) plans() []activities.Planned {
	s.t.Helper()
	of := s.do.Account
	defer func() { s.do.Account = of }()
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		account, err := of(ctx, name)
		account.Window, account.Sync = "month", &activities.SyncSettings{Settle: []time.Duration{24 * time.Hour}}
		return account, err
	}
	out := must(s.bench, s.do.OpenExport, activities.OpenExportInput{Account: "acme", Plan: activities.PlanSettle, Now: s.Shard.Window.To.AddDate(0, 0, 2)})
	return slices.DeleteFunc(out.Plan, func(p activities.Planned) bool { return p.Shard != s.Shard })
}

// TestLastSettleIsOvertaken: a sync reads a conversation, which is then deleted, and commits it when the last settle of the window has looked
// at the lake. The window is settled once more, and only then: what the settle saw alive, or saw at all, needs nothing.
func TestLastSettleIsOvertaken(t *testing.T) {
	for name, c := range map[string]struct {
		before, between, after func(*chats) // the sync reads between the first two
		row                    string       // of c1 in the end; empty if the settle need not be repeated
	}{
		"changed, read and deleted": {
			before: func(p *chats) { p.touch("c1", "changed") }, between: func(p *chats) { p.all["c1"].gone = true }, row: "c1|changed|02",
		},
		"created, read and deleted": {
			before: func(p *chats) { p.put("c1", 7); p.touch("c1", "new") }, between: func(p *chats) { p.all["c1"].gone = true }, row: "c1|new|02",
		},
		"changed":               {before: func(p *chats) { p.touch("c1", "changed") }},
		"deleted by the way":    {before: func(p *chats) { p.touch("c2", "changed") }, between: func(p *chats) { p.all["c1"].gone = true }},
		"changed, after a list": {before: func(p *chats) { p.touch("c1", "changed") }, after: func(p *chats) { p.all["c1"].gone = true }},
	} {
		for _, settleFirst := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", and the settle commits first", false: ", and the sync commits first"}[settleFirst], func(t *testing.T) {
				p := newChats(4)
				if strings.HasPrefix(name, "created") {
					delete(p.all, "c1")
				}
				s := newSettling(t, p)
				do := func(f func(*chats)) {
					if f != nil {
						f(p)
					}
				}
				s.settle(activities.DepthWhole, "")
				since := p.now
				do(c.before)
				sync := s.begin(s.changes(since), "").collect(activities.DepthWhole)
				do(c.between)
				settle := s.begin(s.Shard, "1d").collect(activities.DepthList)
				do(c.after)
				first, then := sync, settle
				if settleFirst {
					first, then = settle, sync
				}
				first.commit()
				then.commit()
				plan := s.plans()
				if c.row == "" {
					if len(plan) > 0 {
						t.Errorf("planned %+v, want nothing", plan)
					}
					return
				}
				if len(plan) != 1 || plan[0].Depth != activities.DepthList || plan[0].Cause != ledger.CauseSettle {
					t.Fatalf("planned %+v, want the window once more", plan)
				}
				r := s.settle(plan[0].Depth, plan[0].Refresh)
				if rows := s.cells(r, "conversations", "conversation_id", "subject", "gone_at"); !slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(row, c.row) }) {
					t.Errorf("rows %v, want %s as gone", rows, c.row)
				}
				if plan := s.plans(); len(plan) > 0 {
					t.Errorf("planned %+v, want nothing any more", plan)
				}
			})
		}
	}
}

// TestLastSettleLacksAReport: the last settle of a window reads a conversation at the same time as a sync that has a report of it. The window is
// settled once more.
func TestLastSettleLacksAReport(t *testing.T) {
	s := newSettling(t, newChats(3)).keeps()
	c := s.p.all["c1"]
	s.settle(activities.DepthWhole, "")
	if plan := s.plans(); len(plan) > 0 {
		t.Fatalf("planned %+v, want nothing", plan)
	}
	since := s.p.now
	s.p.touch("c1", "changed")
	c.report = "synced"
	sync := s.begin(s.changes(since), "").collect(activities.DepthWhole)
	c.report = ""
	s.settle(activities.DepthFull, "1d")
	sync.commit()
	plan := s.plans()
	if len(plan) != 1 {
		t.Fatalf("planned %+v, want the window once more", plan)
	}
	r := s.settle(plan[0].Depth, plan[0].Refresh)
	if got := strings.Join(s.cells(r, "conversations", "conversation_id", "status"), " "); !strings.Contains(got, "c1|synced") {
		t.Errorf("the rows are %s", got)
	}
	if plan := s.plans(); len(plan) > 0 {
		t.Errorf("planned %+v, want nothing any more", plan)
	}
}

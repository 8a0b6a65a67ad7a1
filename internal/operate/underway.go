package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// UnderWay says, in sentences, which windows of conversations created at a time are being copied or wait for a person, of an account or
// of all. A zero time is any. It starts no server to find out: where none is at hand, it says nothing.
func UnderWay(ctx context.Context, c worker.Config, account string, created time.Time) []string {
	if c.Temporal == nil {
		if running, err := worker.Running(c.StateDir); err != nil || !running {
			return nil
		}
	}
	unknown := func(err error) []string {
		return []string{fmt.Sprintf("Temporal could not be asked what is under way: %v", err)}
	}
	s, err := Visit(ctx, c)
	if err != nil {
		return unknown(err)
	}
	defer func() { _ = s.Stop() }() // nothing depends on how it ends
	reasons, err := s.UnderWay(ctx, account, created)
	if err != nil {
		return unknown(err)
	}
	return reasons
}

// UnderWay is the same for a server that is reached already.
func (s *Session) UnderWay(ctx context.Context, account string, created time.Time) (reasons []string, err error) {
	all, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.Status != StatusRunning || account != "" && e.Account != account {
			continue
		}
		p, err := s.progress(ctx, e.ID())
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("The export %s of %s has begun, but no worker answers: `chatlake export` or `chatlake worker` resumes it.", e.Name, e.Account))
			continue
		}
		reasons = append(reasons, ofExport(e, p, created)...)
	}
	return reasons, nil
}

// ofExport says what a running export has to do with a time, or with any when there is none.
func ofExport(e Export, p workflows.ExportProgress, created time.Time) []string {
	concerns := func(id string) bool {
		parts := strings.Split(id, "/")
		w, err := schemas.ParseWindow(parts[len(parts)-1])
		return err == nil && (created.IsZero() || w.Contains(created)) && slices.Contains(parts, string(schemas.StreamCreated))
	}
	var reasons []string
	blocked := map[string]bool{}
	for _, b := range p.Blocked {
		if blocked[b.Shard] = true; concerns(b.Shard) {
			reasons = append(reasons, fmt.Sprintf("%s waits for a person: %s. %s", WindowOf(b.Shard), b.Detail, remedy(b.Kind)))
		}
	}
	for _, id := range p.Running {
		if !blocked[id] && concerns(id) {
			reasons = append(reasons, fmt.Sprintf("%s is being copied now, by the export %s.", WindowOf(id), e.Name))
		}
	}
	whole := p.Range()
	if len(reasons) == 0 && !created.IsZero() && whole.Contains(created) && p.Done < p.Windows {
		reasons = append(reasons, fmt.Sprintf("The export %s covers that time; %d of its %d windows are done.", e.Name, p.Done, p.Windows))
	}
	return reasons
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// Shard exports one account, stream and window. It lists, fetches, seals, verifies, commits, and removes its staging. It ends only
// if the shard is in the ledger, if it is cancelled, if the window must be split, or if a person gives it up while it is blocked. After
// any other failure it tries again later, or waits for a person.
func Shard(ctx workflow.Context, in ShardInput) (ShardOutput, error) {
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return ShardOutput{}, err
	}
	s, err := newShard(ctx, in)
	if err != nil {
		return ShardOutput{}, err
	}
	out, err := s.runUnlessSkipped(ctx)
	out.Usage = s.state.Usage
	switch {
	case err == nil:
		s.reportEnd(ctx, &out)
	case !workflow.IsContinueAsNewError(err):
		s.abort(ctx)
		s.reportEnd(ctx, nil)
	}
	return out, err
}

type shard struct {
	in       ShardInput
	state    ShardState
	receipts activities.Receipts
	control
	collector
	begun     int                 // activities of this run whose leases may grow
	growing   []*inUse            // those in flight
	counting  bool                // while it is sealed
	counted   *activities.Counted // since it was listed, nil if it was not
	sealing   bool
	lostFiles int // times that sealed files vanished before the commit
	recounts  int // times that the provider was asked again for a count that did not match
}

func newShard(ctx workflow.Context, in ShardInput) (*shard, error) {
	s := &shard{in: in}
	s.policy = policyOf(in.Policy)
	if in.State != nil {
		s.state = *in.State
	}
	s.lease, s.last, s.paused = in.Lease, in.Last, in.Paused
	s.receipts.Saved, s.waiters = s.state.Saved, s.state.Waiters
	s.collector.reset(max(1, in.ChunksInFlight))
	s.control.setChunks, s.control.grow = s.setChunks, s.growLeases
	s.parent = workflow.GetInfo(ctx).ParentWorkflowExecution
	s.self = workflow.GetInfo(ctx).WorkflowExecution.ID
	s.number, s.unleased = s.state.Number, s.state.Unleased
	s.known = s.keeps()
	if err := s.listen(ctx); err != nil {
		return s, err
	}
	if err := s.answerLeases(ctx); err != nil {
		return s, err
	}
	return s, workflow.SetQueryHandler(ctx, ProgressQuery, s.progress)
}

func (s *shard) run(ctx workflow.Context) (ShardOutput, error) {
	if s.in.State == nil {
		if out, done, err := s.open(ctx); err != nil || done {
			return out, err
		}
	} else if s.unleased {
		s.reportState(ctx) // it is not blocked any more
	}
	for {
		if err := s.collect(ctx); err != nil {
			return ShardOutput{}, err
		}
		if s.cut {
			s.abort(ctx)
			return ShardOutput{Split: true}, nil
		}
		s.small = s.isSmall()
		s.countAhead(ctx)
		s.setIdle(ctx, true)
		out, done, err := s.sealAndCommit(ctx)
		if !done {
			s.setIdle(ctx, false)
		}
		switch remedy, _ := remedyOf(err); {
		case done:
			return out, nil
		case err == nil: // listed once more
		case remedy == restart:
			if err = s.restart(ctx); err == nil && s.small { // an attempt that was taken for dead may have committed it
				out, done, err = s.open(ctx)
			}
		case remedy == reseal:
			err = s.sealAgain(ctx)
		case remedy == reopen:
			s.abort(ctx)
			s.forget()
			out, done, err = s.open(ctx)
		}
		if err == nil && done {
			return out, nil
		}
		if err != nil {
			return ShardOutput{}, err
		}
	}
}

// sealAndCommit seals, verifies and commits what was collected. It is not done if the window has to be listed again.
func (s *shard) sealAndCommit(ctx workflow.Context) (out ShardOutput, done bool, err error) {
	var sealed activities.SealShardOutput
	var verified activities.VerifyShardOutput
	if s.small {
		finished, err := s.finishAtOnce(ctx)
		switch {
		case err != nil:
			return ShardOutput{}, false, err
		case finished.Commit != nil:
			return ShardOutput{Commit: *finished.Commit}, true, nil
		}
		sealed, verified = finished.Sealed, finished.Verified
	}
	if !s.small || verified.BadFiles > 0 {
		if sealed, verified, err = s.sealAndVerify(ctx); err != nil {
			return ShardOutput{}, false, err
		}
	}
	flags, again, err := s.reconcile(ctx, sealed, &verified)
	if err != nil || again {
		return ShardOutput{}, false, err
	}
	out, err = s.commit(ctx, sealed, verified, flags)
	return out, err == nil, err
}

func (s *shard) target() activities.Target {
	return activities.Target{Shard: s.in.Shard, Generation: s.state.Open.Generation}
}

// open looks the shard up in the ledger. It is done if nothing is left to do.
func (s *shard) open(ctx workflow.Context) (out ShardOutput, done bool, err error) {
	err = s.retryUntilDone(ctx, func() (err error) {
		lease, err := s.leaseAll(ctx)
		if err != nil {
			return err
		}
		s.state.Open, err = call(quick(ctx), do.OpenShard, activities.OpenShardInput{
			Shard: s.in.Shard, Spec: s.in.Spec, Refresh: s.in.Refresh, Adopt: s.in.Adopt, Depth: s.in.Depth, Lease: activities.Lease(lease),
			Uncounted: s.in.Uncounted,
		})
		s.use(lease, -1)
		s.add(s.state.Open.Usage)
		return err
	})
	switch {
	case err != nil:
		return out, false, err
	case s.state.Open.Adopted != nil:
		out.Commit = *s.state.Open.Adopted
	case s.state.Open.Halved:
		out.Split = true
	case s.in.Adopt:
		out.Absent = true
	default:
		return out, false, nil
	}
	return out, true, nil
}

// sealAndVerify seals and verifies. It seals again only if files are not as the seal described them: sealing a large shard takes
// hours.
func (s *shard) sealAndVerify(ctx workflow.Context) (sealed activities.SealShardOutput, verified activities.VerifyShardOutput, err error) {
	s.sealing = true
	defer func() { s.sealing = false }()
	for failures := 1; ; failures++ {
		err = s.retryUntilDone(ctx, func() (err error) {
			sealed, err = call(sealing(ctx), do.SealShard, s.sealInput())
			return err
		})
		if err != nil {
			return sealed, verified, err
		}
		if err := workflow.Await(ctx, func() bool { return !s.counting }); err != nil {
			return sealed, verified, err
		}
		verified, err = s.verify(ctx, sealed)
		if err != nil || verified.BadFiles == 0 {
			return sealed, verified, err
		}
		bad := Waiting{For: activities.ForLake, Why: fmt.Sprintf("%d files are not what was written; they are sealed again", verified.BadFiles)}
		if err := s.sleep(ctx, s.policy.backoff(failures), bad); err != nil {
			return sealed, verified, err
		}
	}
}

func (s *shard) sealInput() activities.SealShardInput {
	return activities.SealShardInput{
		Target:      s.target(),
		SpecDigest:  s.state.Open.SpecDigest,
		Refresh:     s.in.Refresh,
		Receipts:    s.receipts,
		OutOfWindow: s.state.OutOfWindow,
		TotalBefore: s.state.Open.Total,
		Visibility:  s.in.Visibility,
		Cause:       s.in.Cause,
		Rewrites:    s.state.Open.Rewrites,
		OpenedAt:    s.state.Open.OpenedAt,
		NoMetadata:  s.in.MetadataRequests == 0,
		ListedAt:    s.state.ListedAt,
	}
}

func (s *shard) verify(ctx workflow.Context, sealed activities.SealShardOutput) (verified activities.VerifyShardOutput, err error) {
	err = s.retryUntilDone(ctx, func() (err error) {
		lease, err := s.leaseAll(ctx)
		if err != nil {
			return err
		}
		verified, err = call(quick(ctx), do.VerifyShard, activities.VerifyShardInput{
			Target: s.target(), Draft: sealed.Draft, Depth: s.in.Depth, Lease: activities.Lease(lease), Uncounted: s.in.Uncounted,
			Counted: s.counted,
		})
		s.use(lease, -1)
		s.add(verified.Usage)
		return err
	})
	return verified, err
}

// reconcile compares the provider's count with ours. If conversations are missing, the shard is listed again. If the counts still
// differ, they are compared again after a wait. Then the shard is blocked or flagged, as configured. It reports whether to list or
// seal again.
func (s *shard) reconcile(ctx workflow.Context, sealed activities.SealShardOutput, verified *activities.VerifyShardOutput) (flags []string, again bool, err error) {
	flags = sealed.Flags()
	if verified.Missing == 0 {
		return flags, false, nil
	}
	if !s.state.Known {
		s.listAgain()
		return nil, true, nil
	}
	if s.recounts < s.policy.TriesBeforeBlock && s.patient(ctx, "count") {
		again, err := s.recount(ctx, sealed, verified)
		if err != nil || again || verified.Missing == 0 {
			return flags, again, err
		}
	}
	if s.in.Flag || verified.Flag {
		return append(flags, "count_mismatch"), false, nil
	}
	err = s.block(ctx, CountMismatch, countMismatch(*verified.Total, sealed.Counts.Listed))
	s.recounts = 0
	s.listAgain()
	return nil, true, err
}

func (s *shard) commit(ctx workflow.Context, sealed activities.SealShardOutput, verified activities.VerifyShardOutput, flags []string) (ShardOutput, error) {
	var out activities.CommitShardOutput
	err := s.retryUntilDone(ctx, func() (err error) {
		out, err = call(quick(ctx), do.CommitShard, activities.CommitShardInput{
			Target: s.target(), Draft: sealed.Draft, TotalAfter: verified.Total, Flags: flags, Guarded: s.state.Open.OpenedAt != nil,
		})
		return err
	})
	if err != nil {
		return ShardOutput{}, err
	}
	s.cleanup(ctx)
	return ShardOutput{Commit: out.Commit}, nil
}

// restart forgets what was staged and starts over. If that happens too often, it asks a person first.
func (s *shard) restart(ctx workflow.Context) error {
	s.state.Restarts++
	if s.state.Restarts > s.policy.RestartsPerShard {
		if err := s.block(ctx, activities.StagingLost, "staged objects vanish from the lake; look for a lifecycle rule or another program that deletes below _staging"); err != nil {
			return err
		}
	}
	s.forget()
	return nil
}

// forget is the state before anything was listed.
func (s *shard) forget() {
	s.receipts = activities.Receipts{}
	s.state.Cursor, s.state.OutOfWindow, s.state.Listed, s.state.Fetched, s.state.Messages = "", 0, 0, 0, 0
	s.state.Unlisted = lookupAhead
	s.collector.reset(max(1, s.in.ChunksInFlight))
}

// sealAgain returns to what is staged. If sealed files vanish too often, it asks a person first.
func (s *shard) sealAgain(ctx workflow.Context) error {
	if s.lostFiles++; s.lostFiles <= s.policy.RestartsPerShard {
		return nil
	}
	return s.block(ctx, activities.FilesLost, "sealed files vanish from the lake before they are committed; look for a lifecycle rule or another program that deletes below data")
}

// abort removes the staging of a shard that ends without a commit, even if it was cancelled.
func (s *shard) abort(ctx workflow.Context) {
	if s.state.Open.Generation == 0 {
		return
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	s.cleanup(detached)
}

// cleanup tries once to remove the staging. What remains is never read, and is swept later.
func (s *shard) cleanup(ctx workflow.Context) {
	if _, err := call(quick(ctx), do.Cleanup, activities.CleanupInput{Target: s.target()}); err != nil {
		workflow.GetLogger(ctx).Warn("staging was not removed", "shard", s.in.Shard.String(), "error", detailOf(err))
	}
}

func (s *shard) add(u activities.Usage) {
	s.state.Usage.Requests += u.Requests
	s.state.Usage.Throttled += u.Throttled
}

// part is the shard's lease divided by n.
func (s *shard) part(n int) providers.Lease {
	part := s.lease
	part.RequestsPerSecond /= float64(n)
	return part
}

func (s *shard) progress() (ShardProgress, error) {
	p := ShardProgress{
		State:     StateRunning,
		Listed:    s.state.Listed,
		Expected:  s.state.Open.Total,
		Fetched:   s.state.Fetched,
		Messages:  s.state.Messages,
		Requests:  s.state.Usage.Requests,
		Throttled: s.state.Usage.Throttled,
		InFlight:  s.inFlight,
		Blocked:   s.blocked,
	}
	if s.waiting != nil {
		p.Waiting, p.WaitingUntil = s.waiting, s.waiting.Until
	}
	switch {
	case s.blocked != nil:
		p.State = StateBlocked
	case s.paused:
		p.State = StatePaused
	case p.WaitingUntil != nil:
		p.State = StateWaiting
	case s.sealing:
		p.State = StateSealing
	}
	return p, nil
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

// ShardInput starts a Shard. Its workflow id is ShardID(Shard).
type ShardInput struct {
	Shard           ledger.Shard `json:"shard"`
	Spec            string       `json:"spec"`
	Refresh         string       `json:"refresh,omitempty"`
	Visibility      string       `json:"visibility"`
	providers.Lease              // this shard's part of the rate
	ChunksInFlight  int          `json:"chunks"` // fetches in flight
	ChunkSize       int          `json:"chunk"`  // conversations per chunk; 0 lets the lease decide
	providers.Costs
	// Flag makes a shard whose count differs from the provider's be committed with a flag instead of being blocked.
	Flag bool `json:"flag"`
	// Adopt takes over what the ledger has. Nothing is copied.
	Adopt  bool `json:"adopt,omitempty"`
	Paused bool `json:"paused,omitempty"`
	// Policy decides the order of commands. Nil is the policy of runs that began before 0.2.0.
	Policy *Policy     `json:"policy,omitempty"`
	State  *ShardState `json:"resume,omitempty"` // only continue-as-new sets it
}

// ShardState is what a Shard carries through continue-as-new.
type ShardState struct {
	Open        activities.OpenShardOutput `json:"open"`
	Cursor      providers.Cursor           `json:"cursor"`
	Pages       int                        `json:"pages"`
	OutOfWindow int64                      `json:"out_of_window"`
	Saved       []ledger.Staged            `json:"saved,omitempty"`
	Known       bool                       `json:"known,omitempty"`
	Restarts    int                        `json:"restarts,omitempty"`
	Listed      int64                      `json:"listed"`
	Fetched     int64                      `json:"fetched"`
	Messages    int64                      `json:"messages"`
	Usage       activities.Usage           `json:"usage"`
	// Waiters are the workflow ids of the exports that asked for reports.
	Waiters []string `json:"waiters,omitempty"`
	// Number is the number of the lease; Unleased is true if it was given back. See Told.
	Number   int  `json:"number,omitempty"`
	Unleased bool `json:"unleased,omitempty"`
}

// ShardOutput is the result of a Shard.
type ShardOutput struct {
	// Split is true if the provider cannot page through the whole window, or if the ledger has it in halves. Then nothing was
	// committed.
	Split bool `json:"split,omitempty"`
	// Absent is true if the ledger does not have a window that was only to be adopted.
	Absent bool              `json:"absent,omitempty"`
	Commit activities.Commit `json:"commit"`
	Usage  activities.Usage  `json:"usage"`
}

// ShardID is the workflow id of a shard. It is the same for every export, so that two exports do not copy a shard twice.
func ShardID(s ledger.Shard) string { return "shard/" + s.String() }

// Shard exports one account, stream and window. It lists, fetches, seals, verifies, commits, and removes its staging. It ends only
// if the shard is in the ledger, if it is cancelled, or if the window must be split. After any other failure it tries again later,
// or waits for a person.
func Shard(ctx workflow.Context, in ShardInput) (ShardOutput, error) {
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return ShardOutput{}, err
	}
	s, err := newShard(ctx, in)
	if err != nil {
		return ShardOutput{}, err
	}
	out, err := s.run(ctx)
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
	s.lease, s.paused = in.Lease, in.Paused
	s.receipts.Saved, s.waiters = s.state.Saved, s.state.Waiters
	s.collector.reset(max(1, in.ChunksInFlight))
	s.control.setChunks = s.setChunks
	s.parent = workflow.GetInfo(ctx).ParentWorkflowExecution
	s.self = workflow.GetInfo(ctx).WorkflowExecution.ID
	s.number, s.unleased = s.state.Number, s.state.Unleased
	s.known = s.keeps()
	if err := s.listen(ctx); err != nil {
		return s, err
	}
	return s, workflow.SetQueryHandler(ctx, ProgressQuery, s.progress)
}

func (s *shard) run(ctx workflow.Context) (ShardOutput, error) {
	if s.in.State == nil {
		err := s.open(ctx)
		switch {
		case err != nil:
			return ShardOutput{}, err
		case s.state.Open.Adopted != nil:
			return ShardOutput{Commit: *s.state.Open.Adopted}, nil
		case s.state.Open.Halved:
			return ShardOutput{Split: true}, nil
		case s.in.Adopt:
			return ShardOutput{Absent: true}, nil
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
			err = s.restart(ctx)
		case remedy == reseal:
			err = s.sealAgain(ctx)
		}
		if err != nil {
			return ShardOutput{}, err
		}
	}
}

// sealAndCommit seals, verifies and commits what was collected. It is not done if the window has to be listed again.
func (s *shard) sealAndCommit(ctx workflow.Context) (out ShardOutput, done bool, err error) {
	sealed, verified, err := s.sealAndVerify(ctx)
	if err != nil {
		return ShardOutput{}, false, err
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

func (s *shard) open(ctx workflow.Context) error {
	return s.retryUntilDone(ctx, func() (err error) {
		lease, err := s.leaseAll(ctx)
		if err != nil {
			return err
		}
		s.state.Open, err = call(quick(ctx), do.OpenShard, activities.OpenShardInput{
			Shard: s.in.Shard, Spec: s.in.Spec, Refresh: s.in.Refresh, Adopt: s.in.Adopt, Lease: activities.Lease(lease),
		})
		s.use(lease, -1)
		s.add(s.state.Open.Usage)
		return err
	})
}

// sealAndVerify seals and verifies. It seals again only if files are not as the seal described them: sealing a large shard takes
// hours.
func (s *shard) sealAndVerify(ctx workflow.Context) (sealed activities.SealShardOutput, verified activities.VerifyShardOutput, err error) {
	s.sealing = true
	defer func() { s.sealing = false }()
	for failures := 1; ; failures++ {
		err = s.retryUntilDone(ctx, func() (err error) {
			sealed, err = call(sealing(ctx), do.SealShard, activities.SealShardInput{
				Target:      s.target(),
				SpecDigest:  s.state.Open.SpecDigest,
				Refresh:     s.in.Refresh,
				Receipts:    s.receipts,
				OutOfWindow: s.state.OutOfWindow,
				TotalBefore: s.state.Open.Total,
				Visibility:  s.in.Visibility,
			})
			return err
		})
		if err != nil {
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

func (s *shard) verify(ctx workflow.Context, sealed activities.SealShardOutput) (verified activities.VerifyShardOutput, err error) {
	err = s.retryUntilDone(ctx, func() (err error) {
		lease, err := s.leaseAll(ctx)
		if err != nil {
			return err
		}
		verified, err = call(quick(ctx), do.VerifyShard, activities.VerifyShardInput{
			Target: s.target(), Draft: sealed.Draft, Lease: activities.Lease(lease),
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
	if sealed.MessageMismatches > 0 {
		flags = append(flags, activities.FlagMessages)
	}
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

func countMismatch(counted, listed int64) string {
	return fmt.Sprintf("the provider counts %d conversations in the window and lists %d", counted, listed)
}

// recount asks the provider for its count again after a wait: while conversations are being deleted, a list and a later count
// differ. If the count changes, the window is listed again.
func (s *shard) recount(ctx workflow.Context, sealed activities.SealShardOutput, verified *activities.VerifyShardOutput) (again bool, err error) {
	s.recounts++
	before := *verified.Total
	differ := Waiting{For: activities.ForPlatform, Kind: CountMismatch, Why: countMismatch(before, sealed.Counts.Listed)}
	if err := s.sleep(ctx, s.policy.backoff(s.recounts), differ); err != nil {
		return false, err
	}
	*verified, err = s.verify(ctx, sealed)
	switch {
	case err != nil:
		return false, err
	case verified.BadFiles > 0:
		return true, nil // sealed again
	case verified.Missing > 0 && verified.Total != nil && *verified.Total != before:
		s.listAgain()
		return true, nil
	}
	return false, nil
}

func (s *shard) commit(ctx workflow.Context, sealed activities.SealShardOutput, verified activities.VerifyShardOutput, flags []string) (ShardOutput, error) {
	var out activities.CommitShardOutput
	err := s.retryUntilDone(ctx, func() (err error) {
		out, err = call(quick(ctx), do.CommitShard, activities.CommitShardInput{
			Target: s.target(), Draft: sealed.Draft, TotalAfter: verified.Total, Flags: flags,
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
	s.receipts = activities.Receipts{}
	s.state.Cursor, s.state.OutOfWindow, s.state.Listed, s.state.Fetched, s.state.Messages = "", 0, 0, 0, 0
	s.collector.reset(max(1, s.in.ChunksInFlight))
	return nil
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

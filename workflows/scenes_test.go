//go:build record

package workflows_test

import (
	"maps"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// scene is one way in which workflows can go. It is recorded under its name, and a run that continues it under its name
// with "-on".
type scene struct {
	world *world
	// hold is a step that lasts until it is cancelled; hang is one that is never heard of again, for a fetch only where the
	// conversation at fault is in it.
	hold, hang string
	slow       time.Duration // of every step that fetches, so that somebody can come between
	// At most one of these is set: what is run besides a Shard.
	shard    func(*workflows.ShardInput)
	export   *workflows.ExportInput
	quota    bool
	budget   bool
	remap    *workflows.RemapInput
	maintain *workflows.MaintainInput
	endStale *workflows.EndStaleInput
	sync     *workflows.SyncInput
	settle   *workflows.SettleInput
	push     *workflows.PushInput
	inbox    *workflows.InboxInput
	alerts   *alertScene
	open     activities.OpenExportOutput
	// attributed is true if it begins with search attributes.
	attributed bool
	// act is what people do while it runs.
	act func(r *recorder, id string) error
}

// atFault is the index of the conversation at fault in its page.
const atFault = 3

func scenes() map[string]scene {
	all := map[string]scene{}
	for _, some := range []map[string]scene{shardScenes(), endings(), exportScenes(), quotaScenes(), budgetScenes(), remapScenes(), maintainScenes(), syncScenes(), endStaleScenes(), skipScenes(), pushScenes(), atOnceScenes(), alertScenes()} {
		maps.Copy(all, some)
	}
	return all
}

// failing is a world in which the calls of a step from the first up to the last fail.
func failing(step string, first, last int, err error) *world {
	w := &world{conversations: 10, pageSize: 5}
	w.fail = func(s string, _, _ int) error {
		if n := w.calls[s]; s == step && first <= n && n <= last {
			return err
		}
		return nil
	}
	return w
}

// dying is a world in which calls of a step panic.
func dying(step string, first, last int) *world {
	w := failing("", 0, 0, nil)
	w.fail = func(s string, _, _ int) error {
		if n := w.calls[s]; s == step && first <= n && n <= last {
			panic("a defect")
		}
		return nil
	}
	return w
}

// freed is what a person does about a blocked workflow.
func freed(r *recorder, id string) error {
	if err := r.await(id, workflows.StateBlocked); err != nil {
		return err
	}
	return r.order(id, workflows.RetryBlockedUpdate)
}

func shardScenes() map[string]scene {
	return map[string]scene{
		"shard":         {world: &world{conversations: 610, pageSize: 250}},
		"shard-adopted": {world: &world{adopted: &activities.Commit{Outcome: "adopted", Generation: 3}}},
		"shard-bisect": {world: &world{conversations: 60, pageSize: 60, fail: func(step string, low, high int) error {
			if step == "FetchMessages" && low <= 33 && high > 33 {
				return kindError(providers.Malformed)
			}
			return nil
		}}},
		"shard-cut":          {world: failing("ListPage", 1, 1, kindError(providers.WindowTooDense))},
		"shard-listed-again": {world: alwaysMissing(), shard: func(in *workflows.ShardInput) { in.Flag = true }},
		"shard-expired":      {world: failing("ListPage", 2, 2, kindError(providers.CursorExpired))},
		"shard-anew":         {world: failing("SealShard", 1, 1, lost())},
		"shard-blocked":      {world: failing("FetchMessages", 1, 1, kindError(providers.Denied)), act: freed},
		"shard-paused":       {world: failing("", 0, 0, nil), shard: func(in *workflows.ShardInput) { in.Paused = true }, act: goesOn},
		"shard-absent":       {world: &world{}, shard: func(in *workflows.ShardInput) { in.Adopt = true }},
		"shard-halved":       {world: &world{halved: true}},
		"shard-stopped":      {world: failing("FetchMessages", 1, 1, kindError(providers.Stopped)), act: freed},
		"shard-waits":        {world: failing("ListPage", 1, 1, later(providers.Throttled))},
		"shard-pending":      {world: failing("ListPage", 1, 1, later(providers.Pending))},
		"shard-parts":        {world: &world{conversations: 1500, pageSize: 250}, shard: apart},
		"shard-continues":    {world: &world{conversations: 900, pageSize: 50}, shard: one},
		"shard-bisect-panic": {world: atFaultIn("FetchMetadata"), shard: func(in *workflows.ShardInput) { in.ChunkSize = 10 }},
		"shard-leased":       {world: &world{conversations: 10, pageSize: 10}, shard: leased},
		"shard-bisect-hangs": {world: &world{conversations: 10, pageSize: 10}, hang: "FetchMessages"},
		"shard-too-short":    {world: failing("ListPage", 1, 1, kindError(providers.WindowTooDense)), shard: aSecond, act: freed},
		"shard-anew-fetch":   {world: failing("FetchMetadata", 2, 2, lost())},
		"shard-anew-list":    {world: failing("ListPage", 2, 2, lost())},
		"shard-files-lost":   {world: failing("CommitShard", 1, 4, kindError(activities.FilesLost)), act: freed},
		"shard-down-verify":  {world: failing("VerifyShard", 1, 2, kindError(activities.Unavailable))},
		"shard-alone": {world: &world{conversations: 12, pageSize: 12, fail: func(step string, low, high int) error {
			if step == "FetchMessages" && low <= atFault && high > atFault {
				return kindError(providers.Transient)
			}
			return nil
		}}, shard: func(in *workflows.ShardInput) { in.ChunkSize = 6 }},
		"shard-anew-blocked":   {world: failing("SealShard", 1, 4, lost()), act: freed},
		"shard-expired-commit": {world: failing("CommitShard", 1, 1, kindError(providers.CursorExpired))},
		"shard-down-open":      {world: failing("OpenShard", 1, 6, kindError(providers.Transient))},
		"shard-down-list":      {world: failing("ListPage", 2, 3, kindError(providers.Transient))},
		"shard-down-fetch":     {world: failing("FetchMessages", 1, 5, kindError(providers.Throttled))},
		"shard-down-commit":    {world: failing("CommitShard", 1, 2, kindError(activities.Unavailable))},
		"shard-stops-list":     {world: failing("ListPage", 1, 1, kindError(activities.Interrupted))},
		"shard-stops-fetch":    {world: failing("FetchMetadata", 1, 1, kindError(activities.Interrupted))},
		"shard-stops-seal":     {world: failing("SealShard", 1, 1, kindError(activities.Interrupted))},
		"shard-dies-list":      {world: dying("ListPage", 1, 4*crashes), act: freed},
		"shard-dies-seal":      {world: dying("SealShard", 1, 5*crashes), act: freed},
		"shard-denied-list":    {world: failing("ListPage", 2, 2, kindError(providers.Denied)), act: freed},
		"shard-denied-open":    {world: failing("OpenShard", 1, 1, kindError(providers.Denied)), act: freed},
		"shard-incomplete":     {world: failing("SealShard", 1, 1, kindError(activities.Incomplete)), act: freed},
		"shard-mismatch":       {world: missing(4), act: freed},
		"shard-garbled-open":   {world: failing("OpenShard", 1, 1, kindError(providers.Malformed))},
		"shard-garbled-verify": {world: failing("VerifyShard", 1, 1, kindError(providers.Malformed))},
		"shard-garbled-fetch":  {world: &world{conversations: 1, pageSize: 1, fail: failingOnce("FetchMessages", kindError(providers.Malformed))}},
		"shard-recounted":      {world: missing(3)},
		"shard-recount-lists":  {world: deleting()},
		"shard-refused":        {world: &world{}, shard: func(in *workflows.ShardInput) { in.RequestsPerSecond = -1 }},
		"shard-bad-files":      {world: &world{conversations: 10, pageSize: 5, badFiles: 1}},
		"shard-settled":        {world: &world{conversations: 60, pageSize: 25, unlisted: 30}, shard: settled},
		"shard-settled-again":  {world: settledAgain(), shard: func(in *workflows.ShardInput) { settled(in); in.Flag = true }},
		"shard-settled-down":   {world: failing("ListUnlisted", 1, 2, kindError(activities.Unavailable)), shard: settled},
		"shard-superseded":     {world: failing("CommitShard", 1, 1, kindError(activities.Superseded))},
		"shard-untidy":         {world: failing("Cleanup", 1, 5, kindError(activities.Unavailable))},
		"shard-throttled":      {world: slowedDown(), shard: one},
		"shard-pauses":         {world: failing("", 0, 0, nil), act: pauses, shard: one, slow: 300 * time.Millisecond},
	}
}

// later is an error that says when to come again.
func later(kind providers.Kind) error {
	return temporal.NewApplicationErrorWithOptions("not yet", string(kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{activities.Wait{After: 65 * time.Second}},
	})
}

// crashes is how many rounds of attempts die before a shard blocks.
const crashes = 4

// one makes a chunk of each conversation, and asks for no metadata.
func one(in *workflows.ShardInput) { in.ChunkSize, in.MetadataRequests = 1, 0 }

// apart makes each conversation a part of its own.
func apart(in *workflows.ShardInput) { in.MessageRequests, in.MetadataRequests = 80, 0 }

// leased lets the rate decide how large chunks are.
func leased(in *workflows.ShardInput) {
	in.ChunkSize, in.RequestsPerSecond, in.ChunksInFlight = 0, 0.2, 2
}

func aSecond(in *workflows.ShardInput) { in.Shard.Window.To = in.Shard.Window.From.Add(1e9) }

// atFaultIn is a world in which a step panics over one conversation.
func atFaultIn(step string) *world {
	return &world{conversations: 10, pageSize: 10, fail: func(s string, low, high int) error {
		if s == step && low <= atFault && high > atFault {
			panic("a defect")
		}
		return nil
	}}
}

// missing is a world in which the provider counts more than it lists, until it is asked for the n-th time.
func missing(n int) *world {
	more := int64(11)
	w := &world{conversations: 10, pageSize: 5, total: &more, mismatches: 1}
	w.fail = func(step string, _, _ int) error {
		if step == "VerifyShard" && w.calls[step] == n {
			w.total = nil
		}
		return nil
	}
	return w
}

// failingOnce fails the first call of a step.
func failingOnce(step string, err error) func(string, int, int) error {
	failed := false
	return func(s string, _, _ int) error {
		if s != step || failed {
			return nil
		}
		failed = true
		return err
	}
}

// deleting is a world in which conversations are deleted between the list and the count, for a while.
func deleting() *world {
	more := int64(14)
	w := &world{conversations: 10, pageSize: 5, total: &more}
	w.fail = func(step string, _, _ int) error {
		if step == "VerifyShard" {
			left := max(10, more-int64(w.calls[step]))
			w.total = &left
		}
		return nil
	}
	return w
}

// slowedDown is a world in which the provider says "too many requests" for a while.
func slowedDown() *world {
	w := &world{conversations: 140, pageSize: 70, throttled: true}
	w.fail = func(step string, _, _ int) error {
		if w.calls["FetchMessages"] > 60 {
			w.throttled = false
		}
		return nil
	}
	return w
}

// pauses is what a person does who wants the shard to wait, and then to go slower.
func pauses(r *recorder, id string) error {
	if err := r.called("FetchMessages", 1); err != nil {
		return err
	}
	if err := r.order(id, workflows.PauseUpdate); err != nil {
		return err
	}
	return goesOn(r, id)
}

// goesOn is what a person does about a shard that is paused.
func goesOn(r *recorder, id string) error {
	if err := r.await(id, workflows.StatePaused); err != nil {
		return err
	}
	if err := r.order(id, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 50}); err != nil {
		return err
	}
	return r.order(id, workflows.ResumeUpdate)
}

// settled asks for a window again.
func settled(in *workflows.ShardInput) { in.Cause, in.Depth = "settle", activities.DepthList }

// settledAgain is a world whose window has to be listed twice, the second time after the lookup of what is no longer listed.
func settledAgain() *world {
	w := alwaysMissing()
	w.unlisted = 3
	return w
}

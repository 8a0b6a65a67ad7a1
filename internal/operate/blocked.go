package operate

import (
	"slices"

	"github.com/chatlake/chatlake/workflows"
)

// A Cause is why windows wait for a person.
type Cause struct {
	Kind    string
	Detail  string   // the error
	Remedy  string   // what the person can do
	Windows []string // that it keeps waiting
}

// Causes are those of blocked shards, each once, in the order in which they are met.
func Causes(blocked []workflows.BlockedShard) []Cause {
	var causes []Cause
	for _, shard := range blocked {
		i := slices.IndexFunc(causes, func(c Cause) bool { return c.Kind == shard.Kind && c.Detail == shard.Detail })
		if i < 0 {
			i = len(causes)
			causes = append(causes, Cause{Kind: shard.Kind, Detail: shard.Detail, Remedy: remedy(shard.Kind)})
		}
		causes[i].Windows = append(causes[i].Windows, WindowOf(shard.Shard))
	}
	return causes
}

// remedies are what a person can do about each kind of block. docs/runbook.md says more about each.
var remedies = []struct{ kind, do string }{
	{"Denied", "Fix the account's token or its user's permissions (accounts.<name>.token in the configuration)."},
	{"NotFound", "Check accounts.<name>.base_url and account_id in the configuration."},
	{"Stopped", "Fix what the message names (the account's token, its user's permissions, or its rate in the configuration)."},
	{"Failed", "Wait until the platform recovers; ask its support if it keeps failing."},
	{"WindowTooDense", "Try again later. If it keeps failing, report it: the platform lists too many conversations with the same time."},
	{workflows.CountMismatch, "Try again later, or set export.on_mismatch: flag to commit the window with a note."},
	{"StagingLost", "Find out what deletes objects below _staging/ in the lake."},
	{"FilesLost", "Find out what deletes objects below data/ in the lake."},
	{"Incomplete", "This is a defect of chatlake; please report it. `chatlake cancel`, and then the same command, exports the window again."},
	{"Malformed", malformed}, {"Timeout", malformed}, {"Panic", malformed},
}

const malformed = "Check that accounts.<name>.base_url is the platform's API; if it is, this is a defect of chatlake."

// BlockedKinds are the kinds of blocks that are known.
func BlockedKinds() (kinds []string) {
	for _, r := range remedies {
		kinds = append(kinds, r.kind)
	}
	return kinds
}

// remedy is what a person can do about a kind of block.
func remedy(kind string) string {
	for _, r := range remedies {
		if r.kind == kind {
			return r.do
		}
	}
	return "Fix the cause named above."
}

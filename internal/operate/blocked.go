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

// remedy is what a person can do about a kind of block.
func remedy(kind string) string {
	switch kind {
	case "Denied":
		return "Fix the account's token or its user's permissions (accounts.<name>.token in the configuration)."
	case "NotFound":
		return "Check accounts.<name>.base_url and account_id in the configuration."
	case "Stopped":
		return "Fix what the message names (the account's token, its user's permissions, or its rate in the configuration)."
	case "Failed":
		return "Wait until the platform recovers; ask its support if it keeps failing."
	case "WindowTooDense":
		return "Try again later. If it keeps failing, report it: the platform lists too many conversations with the same time."
	case workflows.CountMismatch:
		return "Try again later, or set export.on_mismatch: flag to commit the window with a note."
	case "StagingLost":
		return "Find out what deletes objects below _staging/ in the lake."
	case "FilesLost":
		return "Find out what deletes objects below data/ in the lake."
	case "Incomplete":
		return "This is a defect of chatlake; please report it. `chatlake cancel`, and then the same command, exports the window again."
	case "Malformed", "Timeout", "Panic":
		return "Check that accounts.<name>.base_url is the platform's API; if it is, this is a defect of chatlake."
	default:
		return "Fix the cause named above."
	}
}

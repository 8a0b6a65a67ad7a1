package worker

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
)

// Made says whether a commit record was made to the settings that its account has today, whenever it was refreshed. An
// export adopts such a record, and copies the windows of others anew.
func (c Config) Made(r lake.Record) bool {
	a, ok := c.Accounts[r.Shard.Account]
	return ok && a.Provider == r.Shard.Provider && r.SpecDigest == activities.SpecDigest(c.Spec(r.Shard.Account), r.Shard, r.Refresh)
}

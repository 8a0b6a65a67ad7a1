package workflows

import "go.temporal.io/sdk/temporal"

// The search attributes of runs, by which Temporal's UI finds them. A namespace may lack them: then runs have none, so a workflow may set
// the state only if its run began with one.
var (
	AccountAttribute = temporal.NewSearchAttributeKeyKeyword("ChatlakeAccount")
	KindAttribute    = temporal.NewSearchAttributeKeyKeyword("ChatlakeKind")  // export, remap, sync, settle, history, maintain or end-stale
	StateAttribute   = temporal.NewSearchAttributeKeyKeyword("ChatlakeState") // a State
)

// Attributes returns the search attributes of a run that begins.
func Attributes(account, kind string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AccountAttribute.ValueSet(account), KindAttribute.ValueSet(kind), StateAttribute.ValueSet(string(StateRunning)))
}

package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// PushInput starts a Push. Its workflow id is PushID(Account).
type PushInput struct {
	Account       string       `json:"account"`
	Conversations []string     `json:"conversations"`
	Now           time.Time    `json:"now"` // the end of the shard's window
	Policy        *Policy      `json:"policy,omitempty"`
	State         *ExportState `json:"resume,omitempty"` // only continue-as-new sets it
}

// PushID is the workflow id of the Push of an account. There is one at a time.
func PushID(account string) string { return "push/" + account }

// idLength is the most bytes that the id of a conversation has.
const idLength = 128

// Check returns an error unless a Push can do what the input asks for.
func (in PushInput) Check() error {
	errs := []error{checkAccount(in.Account), checkIDs(in.Conversations), in.Policy.Check()}
	if len(in.Conversations) == 0 {
		errs = append(errs, errors.New("conversations are missing: expected at least one id"))
	}
	if in.Now.IsZero() {
		errs = append(errs, errors.New("now is missing: expected the end of the window"))
	}
	return errors.Join(errs...)
}

func checkIDs(ids []string) error {
	for i, id := range ids {
		if id == "" || len(id) > idLength {
			return fmt.Errorf("conversations: number %d has %d bytes: expected the id of a conversation with 1 to %d", i+1, len(id), idLength)
		}
	}
	return nil
}

// Push fetches conversations that the platform announced, in one shard. It has the share of the budget that is reserved for syncs.
func Push(ctx workflow.Context, in PushInput) (SyncOutput, error) {
	if in.State == nil {
		if err := refuse(ctx, in.Policy, in.Check()); err != nil {
			return SyncOutput{}, err
		}
	}
	run := SyncInput{Account: in.Account, Now: in.Now, Policy: in.Policy, State: in.State}
	return keepUp(ctx, run, activities.PlanPush, in.Conversations, func(next SyncInput) error {
		in.State = next.State
		return workflow.NewContinueAsNewError(ctx, Push, in)
	})
}

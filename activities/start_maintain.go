package activities

import "context"

// StartMaintainInput names an account.
type StartMaintainInput struct {
	Account string `json:"account"`
}

// StartMaintainOutput is the result of StartMaintain.
type StartMaintainOutput struct {
	Started bool `json:"started,omitempty"`
}

// StartMaintain starts a maintenance of the account, unless one is under way, a person has paused its schedule, or it has none.
func (a *Activities) StartMaintain(ctx context.Context, in StartMaintainInput) (StartMaintainOutput, error) {
	if a.Maintain == nil {
		return StartMaintainOutput{}, nil
	}
	started, err := a.Maintain(ctx, in.Account)
	return StartMaintainOutput{Started: started}, a.classify(ctx, err)
}

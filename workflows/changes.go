package workflows

// ShardChange is what a Shard tells its Export of itself.
type ShardChange struct {
	State State
	Kind  string // of the block, if State is StateBlocked
}

// ShardChangeOf returns what a Shard tells with a signal, or false if the signal tells something else. It serves logs.
func ShardChangeOf(signal string, in any) (ShardChange, bool) {
	var state stateInput
	switch in := in.(type) {
	case stateInput:
		state = in
	case blockedInput: // of runs without a policy
		if in.Ended {
			return ShardChange{}, false
		}
		state = in.state()
	default:
		return ShardChange{}, false
	}
	change := ShardChange{State: state.State}
	if state.Blocked != nil {
		change.Kind = state.Blocked.Kind
	}
	return change, signal == stateSignal || signal == blockedSignal
}

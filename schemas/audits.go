package schemas

import "time"

// Audit is a row of the table audits: a conversation that chatlake asked the platform to change, and what came of it. There is one for
// each conversation and run, and none for conversations that were only looked at.
type Audit struct {
	AuditID        string // a digest of the run and the conversation
	ConversationID string
	ObservedAt     time.Time  // when the platform was last asked about the conversation
	Action         string     // end
	Outcome        string     // ended, unconfirmed, refused or open
	AskedAt        *time.Time // when chatlake asked for the change, the first time in the run
	WorkflowID     string
	RunID          string
	ErrorKind      *string            // of the last error
	StateBefore    map[string]*string // what the platform said right before
	StateAfter     map[string]*string // and after; empty if it does not have the conversation any more
}

// Audits is the table of what chatlake did on platforms. It comes after those of the directory.
var Audits = table("audits", "asked_at",
	text("audit_id", func(r *Audit) string { return r.AuditID }).since(2),
	text("conversation_id", func(r *Audit) string { return r.ConversationID }).since(2),
	instant("observed_at", func(r *Audit) time.Time { return r.ObservedAt }).since(2),
	text("action", func(r *Audit) string { return r.Action }).dictionary().since(2),
	text("outcome", func(r *Audit) string { return r.Outcome }).dictionary().since(2),
	optInstant("asked_at", func(r *Audit) *time.Time { return r.AskedAt }).since(2),
	text("workflow_id", func(r *Audit) string { return r.WorkflowID }).dictionary().since(2),
	text("run_id", func(r *Audit) string { return r.RunID }).dictionary().since(2),
	optText("error_kind", func(r *Audit) *string { return r.ErrorKind }).dictionary().since(2),
	textMap("state_before", func(r *Audit) map[string]*string { return r.StateBefore }).since(2),
	textMap("state_after", func(r *Audit) map[string]*string { return r.StateAfter }).since(2),
)

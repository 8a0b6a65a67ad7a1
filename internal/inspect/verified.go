package inspect

import (
	"context"
	"os"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// LastVerify is the newest verification that covers an account, of which the lake keeps the result.
type LastVerify struct {
	// At is when it began: it says nothing of what was committed later.
	At       time.Time `json:"at"`
	Deep     bool      `json:"deep"`     // every file was read completely
	Totals   bool      `json:"totals"`   // the platforms were asked for their counts
	Accounts string    `json:"accounts"` // the account that was verified, or "all"
	Windows  int       `json:"windows"`
	Problems int       `json:"problems"` // of all accounts that were verified
	Whole    bool      `json:"whole"`
	Writer   string    `json:"writer"`
	Host     string    `json:"host,omitempty"`
}

// lastVerifyOf returns the newest verification that covers an account, or nil if none does.
func lastVerifyOf(account string, all []ledger.Verification) *LastVerify {
	v := ledger.LastVerificationOf(account, all)
	if v == nil {
		return nil
	}
	last := &LastVerify{
		At: v.BeganAt, Deep: v.Deep, Totals: v.Totals, Accounts: v.Account, Windows: v.Windows, Problems: v.Problems, Whole: v.Whole(),
		Writer: v.Writer, Host: v.Host,
	}
	if last.Accounts == "" {
		last.Accounts = "all"
	}
	return last
}

// KeepVerified writes into the lake that it was verified, and with which result, for [LastVerify]. It writes counts and no finding. It does
// nothing if only a range was verified. If it fails, for instance because the lake may only be read, the verification is as good as it was.
func (l *Lake) KeepVerified(ctx context.Context, v Verified) error {
	if v.ranged {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // the rest is worth keeping
	}
	return l.lake.KeepVerification(ctx, ledger.Verification{
		Account: l.account, BeganAt: v.BeganAt, EndedAt: time.Now(), Deep: v.Deep, Totals: v.asked, Windows: v.Windows, Files: v.Files, Bytes: v.Bytes,
		Problems: v.Problems(), Unchecked: len(v.Unchecked), Writer: l.lake.Writer(), Host: host,
	})
}

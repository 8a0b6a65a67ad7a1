package main

import (
	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// scope are the flags that narrow a look at the lake.
type scope struct{ account, from, to string }

func (s *scope) flags(flags *pflag.FlagSet, from, to string) {
	flags.StringVar(&s.account, "account", "", "only this account (default: all in the lake)")
	flags.StringVar(&s.from, "from", "", from)
	flags.StringVar(&s.to, "to", "", to)
}

// window is the range; an end that is not named is the zero time.
func (s scope) window() (schemas.Window, error) {
	var w schemas.Window
	var err error
	if s.from != "" {
		if w.From, err = moment(s.from); err != nil {
			return w, usage("--from: %v", err)
		}
	}
	if s.to != "" {
		if w.To, err = moment(s.to); err != nil {
			return w, usage("--to: %v", err)
		}
	}
	if s.from != "" && s.to != "" && !w.From.Before(w.To) {
		return w, usage("the range is empty: --from %s is not before --to %s", words.Time(w.From), words.Time(w.To))
	}
	return w, nil
}

// accountsIn are the accounts of the configuration that are meant: one, or all.
func accountsIn(c worker.Config, account string) ([]string, error) {
	if account == "" {
		return accountNames(c), nil
	}
	_, err := accountOf(c, account)
	return []string{account}, err
}

package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/worker"
)

// watchEvery is how often the status is shown again.
const watchEvery = 2 * time.Second

// watchStatus shows the freshness again and again. It starts no server, so that a worker can.
func (a *app) watchStatus(ctx context.Context, n named) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	screen := terminal.NewScreen(a.out, a.width, 1)
	for {
		all, err := a.freshness(ctx, c, n.account, nil)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if a.json() {
			err = a.printJSON(all)
		} else {
			var text bytes.Buffer
			if err = writeFresh(&text, all); err == nil {
				screen.Put(0, strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")...)
			}
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// freshness returns what is known of the accounts that are kept up to date. Without a session, it visits a server that runs.
func (a *app) freshness(ctx context.Context, c worker.Config, account string, s *operate.Session) ([]fresh, error) {
	var accounts []string
	for _, name := range syncedAccounts(c) {
		if account == "" || account == name {
			accounts = append(accounts, name)
		}
	}
	if len(accounts) == 0 {
		return []fresh{}, nil
	}
	found, err := inspect.FreshnessOf(ctx, c, accounts, time.Now())
	if err != nil {
		return nil, err
	}
	schedules, unreachable := a.upkeep(ctx, c, account, s)
	all := []fresh{}
	for _, f := range found {
		one := fresh{Freshness: f, Schedules: []operate.Upkeep{}, Unreachable: unreachable}
		for _, u := range schedules {
			if u.Account == f.Account {
				one.Schedules = append(one.Schedules, u)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// upkeep returns the schedules, or why nothing is known of them.
func (a *app) upkeep(ctx context.Context, c worker.Config, account string, s *operate.Session) (all []operate.Upkeep, unreachable string) {
	if s == nil && !operate.Reachable(c) {
		return nil, "no chatlake process works in " + c.StateDir
	}
	var err error
	if s == nil {
		if s, err = operate.Visit(ctx, c); err == nil {
			defer func() { err = errors.Join(err, s.Stop()) }()
		}
	}
	if err == nil {
		all, err = s.Upkeep(ctx, account)
	}
	if err != nil {
		if problem, ok := c.TemporalProblem(err); ok {
			err = problem
		}
		return nil, explain(err)
	}
	return all, ""
}

// syncedAccounts are the accounts that a configuration keeps up to date.
func syncedAccounts(c worker.Config) (names []string) {
	for _, name := range accountNames(c) {
		if c.Accounts[name].Sync != nil {
			names = append(names, name)
		}
	}
	return names
}

// statusWithoutServer shows what the lake alone tells while Temporal cannot be reached, which is why.
func (a *app) statusWithoutServer(ctx context.Context, c worker.Config, n named, why error) error {
	if n.name != "" || ctx.Err() != nil || len(syncedAccounts(c)) == 0 {
		return nil
	}
	if problem, ok := c.TemporalProblem(why); ok {
		why = problem
	}
	found, err := inspect.FreshnessOf(ctx, c, syncedAccounts(c), time.Now())
	if err != nil {
		return err
	}
	all := []fresh{}
	for _, f := range found {
		if n.account == "" || n.account == f.Account {
			all = append(all, fresh{Freshness: f, Schedules: []operate.Upkeep{}, Unreachable: explain(why)})
		}
	}
	if a.json() {
		return a.printJSON(listed(all, nil))
	}
	return writeFresh(a.out, all)
}

// listed puts accounts before exports and remaps, in one list.
func listed(all []fresh, others []any) []any {
	list := []any{}
	for _, f := range all {
		list = append(list, f)
	}
	return append(list, others...)
}

package worker

import (
	"context"
	"errors"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Check finds errors that would make an export fail, before it starts: a lake that cannot be written or ignores conditional
// writes, refused credentials, an account that does not exist, or an address that is not the platform's. If the configuration is
// at fault, the error is a Problem that names the key and its line.
func Check(ctx context.Context, c Config, account string) error {
	l, err := OpenLake(ctx, c)
	if err == nil {
		err = l.Probe(ctx)
	}
	var problem Problem
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &problem):
		return problem
	case err != nil:
		return c.Problem("lake.url", err.Error())
	}
	_, err = c.openProbed(ctx, account)
	return err
}

// openProbed opens an account and checks that the platform accepts its credentials. Every error except ctx's is a Problem.
func (c Config) openProbed(ctx context.Context, account string) (providers.Reader, error) {
	_, provider, err := c.Open(account)
	var problem Problem
	switch {
	case errors.As(err, &problem):
		return nil, problem
	case err != nil:
		return nil, c.Problem("accounts."+account, err.Error())
	}
	prober, ok := provider.(providers.Prober)
	if !ok {
		return provider, nil
	}
	_, err = prober.Probe(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var refused *providers.Error
	if err == nil || errors.As(err, &refused) && refused.Kind == providers.Throttled {
		return provider, nil // the export will wait
	}
	return nil, c.problemOf(account, err)
}

// problemOf names the account's setting that makes requests fail.
func (c Config) problemOf(account string, err error) Problem {
	var setting *providers.Setting
	if errors.As(err, &setting) {
		return c.Problem("accounts."+account+"."+setting.Key, setting.Reason)
	}
	var refused *providers.Error
	errors.As(err, &refused)
	return c.Problem("accounts."+account+"."+c.Accounts[account].likelySetting(refused), err.Error())
}

// likelySetting returns the setting of an account that most likely caused an error.
func (a AccountConfig) likelySetting(err *providers.Error) string {
	switch {
	case err == nil, errors.Is(err, rest.ErrHTML), errors.Is(err, rest.ErrRedirect), errors.Is(err, rest.ErrTLS), errors.Is(err, rest.ErrProxy):
		return "base_url"
	case err.Kind == providers.Denied && a.Token.IsZero() && len(a.Secrets) > 0:
		return "secrets"
	case err.Kind == providers.Denied:
		return "token"
	case err.Kind == providers.NotFound:
		return "account_id"
	default:
		return "base_url"
	}
}

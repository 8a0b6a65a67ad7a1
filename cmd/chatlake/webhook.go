package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) webhookCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "webhook", Short: "Set up where a platform sends its announcements",
		Long: "Lists, creates and deletes the webhooks of an account by the platform's own API. Where a platform has none, docs/webhooks.md has the\n" +
			"steps by which a person sets it up.",
	}
	cmd.PersistentFlags().StringVar(&account, "account", "", "account name; optional if only one is configured")
	cmd.AddCommand(a.webhookListCommand(&account), a.webhookCreateCommand(&account), a.webhookDeleteCommand(&account))
	return cmd
}

func (a *app) webhookListCommand(account *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the webhooks of an account", Args: cobra.NoArgs,
		Long: "Lists the webhooks of an account. The last part of an address is left out, because it may be a secret.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onWebhooks(*account, func(c worker.Config, name string) error {
				all, err := c.Webhooks(cmd.Context(), name)
				if err != nil {
					return err
				}
				return show(a, all, writeWebhooks)
			})
		},
	}
}

func (a *app) webhookCreateCommand(account *string) *cobra.Command {
	var address, secretFile string
	cmd := &cobra.Command{
		Use: "create", Short: "Create a webhook for everything that happens to conversations and messages", Args: cobra.NoArgs,
		Long: "Creates a webhook that announces everything that happens to conversations and messages, or finds the one that the address has.\n" +
			"If the platform signs announcements, --secret-file takes the secret, for the configuration.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onWebhooks(*account, func(c worker.Config, name string) error {
				address := cmp.Or(address, c.PushURL(name))
				if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
					return usage("--url must be the public address of the receiver, such as https://push.example.com/push/%s, or receive.public_url be in the configuration", name)
				}
				if secretFile != "" {
					if _, err := os.Lstat(secretFile); err == nil {
						return usage("--secret-file: %s exists already; name a new file", secretFile)
					}
				}
				w, made, err := c.CreateWebhook(cmd.Context(), name, address)
				if err != nil {
					return err
				}
				if err := keepSecret(secretFile, w); err != nil {
					return err
				}
				return show(a, w, func(out io.Writer, w worker.Webhook) error { return writeCreated(out, w, made, secretFile) })
			})
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "public address of the receiver for this account (default: by receive.public_url of the configuration)")
	cmd.Flags().StringVar(&secretFile, "secret-file", "", "new file for the secret that the platform signs announcements with")
	return cmd
}

func (a *app) webhookDeleteCommand(account *string) *cobra.Command {
	return &cobra.Command{
		Use: "delete <id>", Short: "Delete a webhook", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.onWebhooks(*account, func(c worker.Config, name string) error {
				if err := c.DeleteWebhook(cmd.Context(), name, ids[0]); err != nil {
					return err
				}
				a.note("Webhook %s is deleted.", ids[0])
				return nil
			})
		},
	}
}

// onWebhooks reads the configuration for a command about one account.
func (a *app) onWebhooks(account string, do func(c worker.Config, account string) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	name, err := accountOf(c, account)
	if err != nil {
		return err
	}
	if err := c.Secrets(name); err != nil {
		return err
	}
	return do(c, name)
}

// keepSecret writes the secret of a webhook to a new file that only its owner may read.
func keepSecret(file string, w worker.Webhook) error {
	if file == "" || !w.Signed {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the webhook is there, but its secret could not be written: %w", err)
	}
	_, err = fmt.Fprintln(f, w.Secret())
	return errors.Join(err, f.Close())
}

func writeCreated(out io.Writer, w worker.Webhook, made bool, secretFile string) error {
	verb := "was there already"
	if made {
		verb = "is created"
	}
	fmt.Fprintf(out, "Webhook %s %s: %s\n", w.ID, verb, strings.Join(w.Events, ", "))
	var err error
	switch {
	case !w.Signed:
		_, err = fmt.Fprintln(out, "The platform shows no secret, so it may not sign announcements: use trust: hint, and an address with a secret at its end.")
	case secretFile != "":
		_, err = fmt.Fprintf(out, "Its secret is in %s.\n", secretFile)
	default:
		_, err = fmt.Fprintln(out, "The platform signs announcements; its secret is in the platform's own list of webhooks.")
	}
	return err
}

func writeWebhooks(out io.Writer, all []worker.Webhook) error {
	for _, w := range all {
		signed := "no secret"
		if w.Signed {
			signed = "with a secret"
		}
		fmt.Fprintf(out, "%s  %s  %s  %s\n", w.ID, w.Address, signed, strings.Join(w.Events, ", "))
	}
	_, err := fmt.Fprintf(out, "%s.\n", words.Plural(int64(len(all)), "webhook"))
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/alerts"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func (a *app) alertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "List the alerts that fire, and acknowledge them",
		Long: "A worker whose configuration has a section alerts sends a webhook when something needs a person, and another one when that is over.",
	}
	cmd.AddCommand(a.alertsListCommand(), a.alertsAckCommand())
	return cmd
}

func (a *app) alertsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the alerts that fire, with what to do, and the receivers", Args: cobra.NoArgs,
		Long: "Lists the alerts that fire, with what to do, and the receivers. Exit status 1 if nobody sends alerts, if a receiver does not take them,\n" +
			"or if it was not sent all.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onAlerts(cmd.Context(), func(s *operate.Session) error {
				all, err := s.Alerts(cmd.Context())
				if err != nil {
					return err
				}
				err = show(a, all, writeAlerts)
				if err == nil && (!all.Running || all.Silent != "" || len(all.Undelivered()) > 0) {
					err = &outcome{status: exitFailed}
				}
				return err
			})
		},
	}
}

func (a *app) alertsAckCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "ack [<alert>...]", Short: "Acknowledge alerts: they are not sent again until they are resolved",
		Example: "  chatlake alerts ack blocked/acme/export\\ Denied\n  chatlake alerts ack --all",
		RunE: func(cmd *cobra.Command, keys []string) error {
			if all == (len(keys) > 0) {
				return usage("say which alerts, as `chatlake alerts list` names them, or --all")
			}
			return a.onAlerts(cmd.Context(), func(s *operate.Session) error {
				out, err := s.Acknowledge(cmd.Context(), keys, all)
				if err != nil {
					return err
				}
				if err := show(a, out, writeAcknowledged); err != nil || len(out.Unknown) == 0 {
					return err
				}
				return usage("no alert named %s fires; `chatlake alerts list` lists those that do", words.List(out.Unknown))
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all alerts that fire")
	return cmd
}

// onAlerts connects to the server whose workers send alerts.
func (a *app) onAlerts(ctx context.Context, do func(*operate.Session) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if c.Alerts == nil {
		return usage("%s has no section alerts; docs/alerts.md has an example", a.config)
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Stop())
}

func writeAcknowledged(w io.Writer, out workflows.AcknowledgeOutput) error {
	if len(out.Acknowledged) == 0 {
		_, err := fmt.Fprintln(w, "Nothing fires, so there is nothing to acknowledge.")
		return err
	}
	for _, key := range out.Acknowledged {
		if _, err := fmt.Fprintf(w, "%s: acknowledged; it is not sent again until it is resolved\n", key); err != nil {
			return err
		}
	}
	return nil
}

func writeAlerts(w io.Writer, all operate.Alerts) error {
	if !all.Running {
		_, err := fmt.Fprintln(w, "Nobody sends alerts: start `chatlake worker`.")
		return err
	}
	if all.Silent != "" {
		_, err := fmt.Fprintf(w, "The run that sends alerts does not answer: %s\n", all.Silent)
		return err
	}
	firing := all.Firing()
	for _, alert := range firing {
		summary, advice, severity := alerts.Describe(alert.AlertState)
		acknowledged := ""
		if !alert.AcknowledgedAt.IsZero() {
			acknowledged = ", acknowledged"
		}
		fmt.Fprintf(w, "%s (%s, since %s%s)\n  %s\n  %s (%s)\n", alert.Key(), severity, instant(&alert.Since), acknowledged, summary, advice, alerts.Runbook(alert.Kind))
	}
	if len(firing) == 0 {
		fmt.Fprintln(w, "Nothing fires.")
	}
	for _, r := range all.Receivers {
		fmt.Fprintf(w, "receiver %s: %s\n", r.Name, receiverText(r))
	}
	_, err := fmt.Fprintf(w, "last look: %s\n", lookText(all))
	return err
}

func lookText(all operate.Alerts) string {
	if all.LookedAt.IsZero() {
		return "none yet"
	}
	text := instant(&all.LookedAt)
	if len(all.Unread) > 0 {
		text += "; nothing is known of " + words.List(all.Unread)
	}
	return text
}

// receiverText says whether a receiver has everything.
func receiverText(r workflows.AlertReceiver) string {
	text := words.Plural(int64(r.Sent), "event") + " sent"
	if !r.SentAt.IsZero() {
		text += ", the last " + instant(&r.SentAt)
	}
	if n := len(r.Waiting); n > 0 {
		text += "; " + words.Plural(int64(n), "event") + " not delivered"
	}
	if r.Failures > 0 {
		text += fmt.Sprintf(": %s (%s in a row); next try %s", r.Failure, words.Plural(int64(r.Failures), "failure"), instant(&r.Retry))
	}
	if r.Dropped > 0 {
		text += "; " + words.Plural(int64(r.Dropped), "event") + " dropped, because too many waited"
	}
	return text
}

// alertsText is a line about alerts for the status; empty if there is nothing to say.
func alertsText(c worker.Config, all operate.Alerts) string {
	switch {
	case c.Alerts == nil:
		return ""
	case !all.Running:
		return "alerts: nobody sends them; `chatlake worker` does"
	case all.Silent != "":
		return "alerts: the run that sends them does not answer: " + all.Silent
	}
	text := "alerts: none fires"
	if n := len(all.Firing()); n > 0 {
		text = "alerts: " + words.Plural(int64(n), "alert") + " fires; `chatlake alerts list` says what to do"
		if n > 1 {
			text = "alerts: " + words.Plural(int64(n), "alert") + " fire; `chatlake alerts list` says what to do"
		}
	}
	for _, r := range all.Undelivered() {
		text += fmt.Sprintf("\n  receiver %s: %s", r.Name, receiverText(r))
	}
	return text
}

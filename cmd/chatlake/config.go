package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check a configuration, or print the schema of configurations"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "List the mistakes in a configuration, by line and key", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.checkConfig() },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON schema of configurations, for editors", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := a.out.Write(worker.Schema)
				return err
			},
		},
	)
	return cmd
}

// checkConfig reads the file and resolves its secrets. It asks neither the lake nor a platform: that is done before an
// export.
func (a *app) checkConfig() error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := c.Secrets(accountNames(c)...); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(map[string]any{"accounts": accountNames(c), "lake": c.Lake.URL, "embedded": c.Temporal == nil})
	}
	_, err = fmt.Fprintf(a.out, "%s is in order: %s, lake %s.\n", a.config, words.Plural(int64(len(c.Accounts)), "account"), c.Lake.URL)
	return err
}

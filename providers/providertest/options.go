package providertest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Option is one option of an account and the values to try, one for each behaviour of the provider.
type Option struct {
	Name   string
	Values []string
}

// Pairs describes a provider whose options are tested in pairs.
type Pairs struct {
	// Options are all options of the provider.
	Options []Option
	// Check is Definition.Check for an account whose other settings are valid.
	Check func(options map[string]string) error
	// Case is the account with these options and a small platform. Its Conversations are those that the options select.
	Case func(t *testing.T, options map[string]string) Case
}

// RunPairs exports the platform once for each pair of values of two options. Either Check refuses the pair with an error that names
// one of the two options, or the account lists and fetches the conversations that the pair selects.
func RunPairs(t *testing.T, p Pairs) {
	t.Run("all options are tried", func(t *testing.T) { testNames(t, p) })
	accepted := map[string]int{}
	for i, one := range p.Options {
		for _, other := range p.Options[i+1:] {
			for _, options := range combine(one, other) {
				var setting *providers.Setting
				switch err := p.Check(options); {
				case err == nil:
					accepted[one.Name+"="+options[one.Name]]++
					accepted[other.Name+"="+options[other.Name]]++
					t.Run(fmt.Sprint(options), func(t *testing.T) { testPair(t, p.Case(t, options)) })
				case !errors.As(err, &setting) || options[strings.TrimPrefix(setting.Key, "options.")] == "":
					t.Errorf("%v is refused with %q, which names neither option", options, err)
				}
			}
		}
	}
	for _, option := range p.Options {
		for _, value := range option.Values {
			if accepted[option.Name+"="+value] == 0 {
				t.Errorf("%s=%s is not accepted with any other option", option.Name, value)
			}
		}
	}
}

func combine(one, other Option) (all []map[string]string) {
	for _, a := range one.Values {
		for _, b := range other.Values {
			all = append(all, map[string]string{one.Name: a, other.Name: b})
		}
	}
	return all
}

var optionName = regexp.MustCompile(`[a-z]+(_[a-z]+)*`)

// testNames compares the tested options with those that the error about an unknown option lists.
func testNames(t *testing.T, p Pairs) {
	err := p.Check(map[string]string{"no_such_option": "x"})
	if err == nil {
		t.Fatal("an unknown option is accepted")
	}
	_, list, found := strings.Cut(err.Error(), "the options are ")
	if !found {
		t.Fatalf("the error about an unknown option, %q, does not list the options", err)
	}
	var tried []string
	for _, option := range p.Options {
		tried = append(tried, option.Name)
	}
	for _, name := range optionName.FindAllString(list, -1) {
		if !slices.Contains(tried, name) {
			t.Errorf("the option %s is not tested", name)
		}
	}
	for _, name := range tried {
		if !slices.Contains(optionName.FindAllString(list, -1), name) {
			t.Errorf("the error about an unknown option does not list the option %s", name)
		}
	}
}

// testPair lists, fetches and maps everything once, including the directory and reports.
func testPair(t *testing.T, c Case) {
	p, _ := c.start(t)
	list := pages(t, p, c.Window, "")
	if got, want := idsOf(Refs(list)), sorted(c.Conversations); !slices.Equal(got, want) {
		t.Errorf("%d conversations are listed, want %d", len(got), len(want))
	}
	fetchAll(t, c, p, list)
	if directory, ok := p.(providers.Directory); ok {
		for page, err := range directory.Directory(t.Context(), "") {
			mapAll(t, page, err, c.Mapper.(providers.SnapshotMapper).Snapshot)
		}
	}
	if reporter, ok := p.(providers.Reporter); ok {
		for page, err := range reporter.Reports(t.Context(), c.Window, "") {
			mapAll(t, page, err, c.Mapper.(providers.ReportMapper).Report)
		}
	}
}

func mapAll(t *testing.T, page providers.Page, err error, rows func(schemas.Document) (schemas.Snapshot, error)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range page.Documents {
		if _, err := rows(doc); err != nil {
			t.Errorf("rows of %s %d: %v", doc.Kind, doc.Sequence, err)
		}
	}
}

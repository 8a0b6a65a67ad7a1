package worker_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// FuzzParse wants every text to be either a configuration or reported in readable Problems.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../examples/chatlake.yaml", "../deploy/chatlake.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := worker.Parse("chatlake.yaml", text)
		if err == nil {
			if len(c.Accounts) == 0 || c.Lake.URL == "" {
				t.Errorf("taken: %+v", c)
			}
			for name := range c.Accounts {
				c.Spec(name)
			}
			return
		}
		var problems worker.Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("error %v is no Problems", err)
		}
		for _, p := range problems {
			if p.File == "" || p.Reason == "" || p.Line < 0 {
				t.Errorf("problem %+v lacks something", p)
			}
		}
	})
}

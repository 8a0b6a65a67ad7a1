package archtest

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestImports(t *testing.T) {
	root := os.DirFS("../..")
	module, err := modulePath(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := goFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range judge(module, files, rules, reserves) {
		t.Error(complaint)
	}
}

// judge returns the violations in the imports of files, and the rules about folders that do not exist.
func judge(module string, files []file, rules []rule, reserves []reserve) []string {
	var complaints []string
	for _, f := range files {
		r, ok := ruleOf(f.folder(), rules)
		if !ok {
			complaints = append(complaints, fmt.Sprintf("%s: no rule says what the folder %s may import; add one to archtest", f.path, f.folder()))
			continue
		}
		for _, imported := range f.imports {
			if why := refuse(module, f, imported, r, reserves); why != "" {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: %s", f.path, imported, why))
			}
			names, limited := r.names[strings.TrimPrefix(imported, module+"/")]
			for _, name := range f.uses[imported] {
				if limited && !f.test && !slices.Contains(names, name) {
					complaints = append(complaints, fmt.Sprintf("%s uses %s.%s: %s", f.path, path.Base(imported), name, r.why))
				}
			}
		}
	}
	return append(complaints, stale(files, rules, reserves)...)
}

// ruleOf returns the rule of a folder: its own, or else the one for all folders next to it.
func ruleOf(folder string, rules []rule) (rule, bool) {
	for _, name := range []string{folder, path.Dir(folder) + "/*"} {
		if i := slices.IndexFunc(rules, func(r rule) bool { return r.folder == name }); i >= 0 {
			return rules[i], true
		}
	}
	return rule{}, false
}

// refuse returns the reasons why a file may not have its imports.
func refuse(module string, f file, imported string, r rule, reserves []reserve) string {
	short, ours := strings.CutPrefix(imported, module+"/")
	if ours {
		allowed := r.ours
		if f.test {
			allowed = slices.Concat(r.ours, r.tests, []string{f.folder()})
		}
		if !matches(short, allowed) {
			return r.why
		}
	}
	if f.test {
		return ""
	}
	if !ours && r.only != nil && !slices.Contains(r.only, imported) {
		return r.why
	}
	if slices.ContainsFunc(r.never, func(p string) bool { return below(imported, p) }) {
		return r.why
	}
	for _, s := range reserves {
		if below(short, s.path) && !below(f.folder(), s.path) && !slices.Contains(s.only, f.folder()) {
			return s.why
		}
	}
	return ""
}

// stale finds folders in rules that no longer contain Go files.
func stale(files []file, rules []rule, reserves []reserve) []string {
	named := map[string]string{}
	for _, r := range rules {
		named[r.folder] = "rule of " + r.folder
		for _, p := range slices.Concat(r.ours, r.tests) {
			named[p] = "rule of " + r.folder
		}
	}
	for _, s := range reserves {
		for _, p := range s.only {
			named[p] = "reserve of " + s.path
		}
	}
	var complaints []string
	for p, by := range named {
		if !slices.ContainsFunc(files, func(f file) bool { return matches(f.folder(), []string{p}) }) {
			complaints = append(complaints, fmt.Sprintf("%s names %s, where there is no Go file", by, p))
		}
	}
	slices.Sort(complaints)
	return complaints
}

func TestJudge(t *testing.T) {
	house := []rule{
		{folder: "schemas", never: []string{"net/http"}, why: "vocabulary"},
		{folder: "providers/*", ours: []string{"schemas"}, tests: []string{"simulator"}, why: "dialect"},
		{folder: "simulator", ours: []string{"schemas"}, why: "no shared mistakes"},
		{folder: "workflows", ours: []string{"schemas"}, only: []string{"time"}, names: map[string][]string{"schemas": {"Window"}}, why: "repeatable"},
	}
	kept := []reserve{{"example.org/aws", []string{"simulator"}, "one place"}}
	sound := map[string]string{
		"schemas/a.go":          `import "time"`,
		"providers/x/x.go":      `import "m/schemas"`,
		"simulator/s.go":        `import "m/schemas"; import "example.org/aws/s3"`,
		"workflows/w.go":        `import "time"`,
		"nested/go.mod":         "module m/nested",
		"nested/n.go":           `import "m/simulator"`,
		"schemas/testdata/t.go": `import "net/http"`,
	}
	tests := []struct {
		name, path, imports string
		want                []string
	}{
		{"nothing wrong", "schemas/b.go", `import "fmt"`, nil},
		{"an import of ours that is not listed", "schemas/b.go", `import "m/simulator"`, []string{"schemas/b.go imports m/simulator: vocabulary"}},
		{"a package never to be known", "schemas/b.go", `import "net/http/httptest"`, []string{"schemas/b.go imports net/http/httptest: vocabulary"}},
		{"a name that only begins alike", "schemas/b.go", `import "net/httpx"`, nil},
		{"a build tag hides nothing", "schemas/b.go", `import _ "net/http"`, []string{"schemas/b.go imports net/http: vocabulary"}},
		{"one provider by another", "providers/x/b.go", `import "m/providers/y"`, []string{"providers/x/b.go imports m/providers/y: dialect"}},
		{"the simulator by a provider", "providers/x/b.go", `import "m/simulator"`, []string{"providers/x/b.go imports m/simulator: dialect"}},
		{"the simulator by a provider's test", "providers/x/b_test.go", `import "m/simulator"`, nil},
		{"a package by its own test", "providers/x/b_test.go", `import "m/providers/x"`, nil},
		{"another provider by a test", "providers/x/b_test.go", `import "m/providers/y"`, []string{"providers/x/b_test.go imports m/providers/y: dialect"}},
		{"a reserved package", "providers/x/b.go", `import "example.org/aws"`, []string{"providers/x/b.go imports example.org/aws: one place"}},
		{"a reserved package in a test", "providers/x/b_test.go", `import "example.org/aws"`, nil},
		{"outside the whole list", "workflows/b.go", `import "os"`, []string{"workflows/b.go imports os: repeatable"}},
		{"a name that is not listed", "workflows/b.go", `import s "m/schemas"; var m s.Message`, []string{"workflows/b.go uses schemas.Message: repeatable"}},
		{"a dot import", "workflows/b.go", `import . "m/schemas"`, []string{"workflows/b.go uses schemas.*: repeatable"}},
		{"a folder without a rule", "attic/b.go", ``, []string{"attic/b.go: no rule says what the folder attic may import; add one to archtest"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for p, body := range sound {
				root[p] = &fstest.MapFile{Data: []byte("package p\n" + body)}
			}
			root[tt.path] = &fstest.MapFile{Data: []byte("//go:build never\n\npackage p\n" + tt.imports)}
			files, err := goFiles(root)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, judge("m", files, house, kept)); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeNamesFoldersThatAreGone(t *testing.T) {
	files := []file{{path: "schemas/a.go"}}
	house := []rule{{folder: "schemas", ours: []string{"attic"}}, {folder: "providers/*"}}
	kept := []reserve{{"example.org/aws", []string{"cellar"}, ""}}
	want := []string{
		"reserve of example.org/aws names cellar, where there is no Go file",
		"rule of providers/* names providers/*, where there is no Go file",
		"rule of schemas names attic, where there is no Go file",
	}
	if diff := cmp.Diff(want, judge("m", files, house, kept)); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

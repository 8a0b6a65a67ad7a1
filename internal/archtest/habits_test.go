package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestHabits(t *testing.T) {
	files, err := goFiles(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if slices.Contains(wrongNames, strings.TrimSuffix(f.name, "_test")) || slices.Contains(wrongNames, path.Base(f.folder())) {
			t.Errorf("%s: the name of package %s in %s does not describe its content", f.path, f.name, f.folder())
		}
		if f.test {
			continue
		}
		for _, line := range f.open {
			t.Errorf("%s:%d: other users may read this file or folder; it may contain conversations, so use 0o600 or 0o700", f.path, line)
		}
		for _, line := range f.inits {
			t.Errorf("%s:%d: func init hides its order and its panics; use a function that is called by name", f.path, line)
		}
		if f.lines > maxLines {
			t.Errorf("%s has %d lines, at most %d are allowed: does it have two subjects?", f.path, f.lines, maxLines)
		} else if f.lines > longFile {
			t.Logf("%s has %d lines, the aim is %d", f.path, f.lines, longFile)
		}
	}
}

// TestSilence checks that packages that return data do not print it.
func TestSilence(t *testing.T) {
	files, err := goFiles(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	heard := map[string]bool{}
	for _, f := range files {
		if !slices.Contains(silent, f.folder()) || f.test {
			continue
		}
		heard[f.folder()] = true
		for _, name := range prints(f) {
			t.Errorf("%s uses %s: return the data instead, because a page cannot show printed text", f.path, name)
		}
	}
	if len(heard) != len(silent) {
		t.Errorf("of %v, only %v contain files", silent, heard)
	}
	loud := file{uses: map[string][]string{"fmt": {"Sprintf", "Println"}, "os": {"ReadFile", "Stderr"}, "log": {"Print"}}}
	if got := prints(loud); len(got) != 3 {
		t.Errorf("found %v, want three", got)
	}
}

// prints returns the names in a file that write to the terminal.
func prints(f file) (found []string) {
	for imported, names := range map[string][]string{"fmt": {"Print", "Printf", "Println"}, "os": {"Stdout", "Stderr"}} {
		for _, name := range f.uses[imported] {
			if slices.Contains(names, name) {
				found = append(found, imported+"."+name)
			}
		}
	}
	for _, imported := range []string{"log", "log/slog"} {
		for _, name := range f.uses[imported] {
			found = append(found, imported+"."+name)
		}
	}
	return found
}

type stranger struct {
	what string
	is   *regexp.Regexp
}

// foreign are texts that belong to one machine or one network and not to the repository. They are concatenated here so that this file
// does not contain them.
var foreign = []stranger{
	{"the host of a package registry", regexp.MustCompile(strings.Join([]string{
		`(proxy|sum|index)\.golang` + `\.org`, `registry\.npmjs` + `\.org`, `registry\.yarnpkg` + `\.com`, `pypi` + `\.org`,
		`pythonhosted` + `\.org`, `(static\.)?crates` + `\.io`, `rubygems` + `\.org`, `repo1?\.maven` + `\.`, `(registry-1|index)\.docker` + `\.io`,
		`deb\.debian` + `\.org`,
	}, "|"))},
	{"an absolute path of one machine", regexp.MustCompile("[\"'` =(:]/(home|root|wor" + "k|far" + "m|Users|tm" + `p)/[A-Za-z0-9._]`)},
}

func TestNothingForeign(t *testing.T) {
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && p != ".ci" && (hidden(d.Name()) || p == "bin" || p == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || d.Name() == "go.sum" || d.Name() == ".git" { // .git is a file in a linked work tree
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return nil
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for _, f := range foreign {
				if found := f.is.Find(line); found != nil {
					t.Errorf("%s:%d: %q is %s", p, i+1, found, f.what)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForeignFinds(t *testing.T) {
	tests := []struct {
		line string
		want bool
	}{
		{"ENV GOPROXY=https://proxy." + "golang.org", true},
		{"open(\"/" + "home/ann/lake\")", true},
		{"path: /" + "tmp/x", true},
		{"/var/lib/chatlake", false},
		{"os.TempDir()", false},
		{"apt-get install docker.io", false},
		{"https://example.org/home/page", false},
	}
	for _, tt := range tests {
		found := slices.ContainsFunc(foreign, func(f stranger) bool { return f.is.MatchString(tt.line) })
		if found != tt.want {
			t.Errorf("%q: found %v, want %v", tt.line, found, tt.want)
		}
	}
}

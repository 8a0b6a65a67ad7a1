package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A file is one Go source file of the module.
type file struct {
	path    string // from the root of the module
	name    string // of its package
	test    bool
	lines   int
	imports []string
	uses    map[string][]string // names used of each import
	inits   []int               // lines of func init
	open    []int               // lines with the mode of a file that other users may read
}

func (f file) folder() string { return path.Dir(f.path) }

// goFiles parses every Go file of a module, with any build tags, except those in nested modules and testdata.
func goFiles(root fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (hidden(d.Name()) || d.Name() == "testdata" || exists(root, path.Join(p, "go.mod"))) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(p) != ".go" {
			return nil
		}
		f, err := parse(root, p)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func parse(root fs.FS, p string) (file, error) {
	src, err := fs.ReadFile(root, p)
	if err != nil {
		return file{}, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, p, src, parser.SkipObjectResolution)
	if err != nil {
		return file{}, fmt.Errorf("parse %s: %w", p, err)
	}
	f := file{path: p, name: tree.Name.Name, test: strings.HasSuffix(p, "_test.go"), lines: bytes.Count(src, []byte("\n"))}
	known := map[string]string{} // import paths by their name in the file
	for _, i := range tree.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("import of %s: %w", p, err)
		}
		f.imports = append(f.imports, imported)
		known[localName(i, imported)] = imported
	}
	f.uses = usesOf(tree, known)
	f.open = openModes(set, tree)
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.inits = append(f.inits, set.Position(fn.Pos()).Line)
		}
	}
	return f, nil
}

// openModes returns the lines with the mode of a file or folder that users other than its owner may read.
func openModes(set *token.FileSet, tree *ast.File) (lines []int) {
	mode := regexp.MustCompile(`^0o?[0-7]{3,4}$`)
	ast.Inspect(tree, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			for _, arg := range call.Args {
				if l, ok := arg.(*ast.BasicLit); ok && mode.MatchString(l.Value) && !strings.HasSuffix(l.Value, "00") {
					lines = append(lines, set.Position(l.Pos()).Line)
				}
			}
		}
		return true
	})
	return lines
}

func localName(i *ast.ImportSpec, imported string) string {
	if i.Name != nil {
		return i.Name.Name
	}
	return path.Base(imported)
}

func usesOf(tree *ast.File, known map[string]string) map[string][]string {
	uses := map[string][]string{}
	if imported, dot := known["."]; dot {
		uses[imported] = []string{"*"}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && known[x.Name] != "" {
				uses[known[x.Name]] = append(uses[known[x.Name]], s.Sel.Name)
			}
		}
		return true
	})
	return uses
}

// modulePath reads the module's name from its go.mod.
func modulePath(root fs.FS) (string, error) {
	mod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(mod)
	if found == nil {
		return "", fmt.Errorf("go.mod names no module")
	}
	return string(found[1]), nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

func exists(root fs.FS, p string) bool {
	_, err := fs.Stat(root, p)
	return err == nil
}

// below reports whether an import path is p or below it.
func below(imported, p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") }

// matches reports whether a folder matches one of patterns: a folder, "x/*" for all folders directly under x, "*" for all folders.
func matches(folder string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "*" {
			return true
		}
		if parent, ok := strings.CutSuffix(p, "/*"); ok {
			return path.Dir(folder) == parent
		}
		return folder == p
	})
}

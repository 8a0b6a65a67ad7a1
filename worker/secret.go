package worker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/chatlake/chatlake/internal/redact"
)

// Secret is a reference to a secret, env:NAME or file:PATH. It is resolved when the secret is needed, and prints only its
// reference.
type Secret struct {
	reference string
	literal   string
	whole     bool // use the whole file, not only its first line
	at        Problem
}

// Literal is a secret that a program already has. A configuration file cannot contain one.
func Literal(value string) Secret { return Secret{reference: "literal", literal: value} }

// IsZero reports whether there is no reference.
func (s Secret) IsZero() bool { return s.reference == "" }

func (s Secret) String() string   { return s.reference }
func (s Secret) GoString() string { return s.reference }

// LogValue keeps the value of a literal out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.reference) }

// Resolve reads the secret. Without a reference, the secret is empty. Its error is a Problem that names the line of the
// configuration.
func (s Secret) Resolve() (string, error) {
	kind, name, _ := strings.Cut(s.reference, ":")
	var value, reason string
	switch kind {
	case "":
		return "", nil
	case "literal":
		return s.literal, nil
	case "env":
		if value = strings.TrimSpace(os.Getenv(name)); value == "" {
			reason = fmt.Sprintf("the environment variable %s is not set; set it to the secret", name)
		} else if wrong := unclean(value, s.whole); wrong != "" {
			reason = fmt.Sprintf("the environment variable %s %s", name, wrong)
		}
	case "file":
		var err error
		read, where := firstLine, "the first line of "+name
		if s.whole {
			read, where = text, name
		}
		if value, err = read(name); err != nil {
			reason = fmt.Sprintf("the file %s cannot be read: %v", name, plain(err))
		} else if wrong := unclean(value, s.whole); wrong != "" {
			reason = where + " " + wrong
		} else if value == "" {
			reason = where + " is empty; it should hold the secret"
		}
	}
	if reason != "" {
		problem := s.at
		problem.Reason = reason
		return "", problem
	}
	redact.Learn(value)
	return value, nil
}

func firstLine(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	return strings.TrimSpace(lines.Text()), lines.Err()
}

// text reads a whole file, up to a megabyte: no secret is longer.
func text(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	read, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return strings.TrimSpace(string(read)), err
}

// plain strips the operation and the path from a file system error.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

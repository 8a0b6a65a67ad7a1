package worker

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration file, worded for the person who wrote it.
type Problem struct {
	File   string
	Line   int    // 0 if unknown
	Key    string // such as accounts.acme.token; empty for the file as a whole
	Reason string // what was expected, and what to do
}

func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	return b.String() + p.Reason
}

// Problems is everything that is wrong with a configuration file, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

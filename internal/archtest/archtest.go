// Package archtest holds the tests that keep the walls of the house: who may import whom, and a few habits that a
// compiler does not check. It parses source files itself; the go command's answers are cached across such changes.
//
// It must not know anything of ours.
package archtest

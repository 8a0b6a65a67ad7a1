// Package archtest contains the tests of the architecture: which package may import which, and a few habits that a compiler does not
// check. It parses source files itself, because the go command would return cached results after such changes.
//
// It must not import any package of chatlake.
package archtest

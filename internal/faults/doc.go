// Package faults tests what can go wrong between an export and the outside world. Each fault has an expected outcome. The tests
// run the real workflows and activities, the real providers and the real lake against fake platforms whose answers are
// corrupted on the wire. They run in synctest bubbles, in which hours of waiting take no time, and the network consists of pipes.
//
// docs/faults.md shows the table. A test keeps the two in agreement; with -update it writes the page:
//
//	go test ./internal/faults
//	go test ./internal/faults -update
package faults

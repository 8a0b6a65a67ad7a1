// Package faults is the matrix of what can go wrong between an export and the world, each with the end that it must come to:
// the real workflows and activities, the real providers and the real lake, over fake platforms that are spoiled on the wire.
// All of it happens in bubbles of time, in which hours of waiting take no time, and in which the network is pipes.
//
// The table is in docs/faults.md for people. The test keeps the two the same; with -update it writes the page:
//
//	go test ./internal/faults
//	go test ./internal/faults -update
package faults

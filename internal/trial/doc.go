// Package trial runs the export under schedules that nobody would wish for: the real workflows and the real activities, over
// a platform and a store in memory, in a bubble of time in which one seed decides every order of events. Attempts are given
// out twice, go on after they were given up, and are killed between any two requests; answers are lost after the deed; runs
// are terminated, cancelled and started again beside each other; conversations come, grow and go meanwhile.
//
// Afterwards the lake, read by the reader rule, must hold what the platform held. A seed that fails is printed, and fails
// again alone:
//
//	go test ./internal/trial                                  a few seeds
//	go test ./internal/trial -seeds 10000                     those that must pass before a change lands
//	go test ./internal/trial -seeds 1000000 -timeout 0        a night
//	go test ./internal/trial -seed 4711 -v                    one, with every step
package trial

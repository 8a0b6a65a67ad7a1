// Package trial runs exports under the worst schedules: the real workflows and the real activities, on a platform and a store in
// memory, in a bubble of time in which one seed decides the order of all events. Attempts at activities run twice, continue after
// they were given up, and are killed between any two requests. Answers are lost after the change was made. Runs are terminated,
// cancelled and started again beside each other. Conversations appear, grow and disappear meanwhile.
//
// In two of three schedules a range is copied. Afterwards the lake, read by the reader rule, must hold what the platform held. In the
// others an account is kept up to date, by syncs, settles, exports, maintenance and vacuums beside each other. Readers must never see
// anything older than before, and in the end what the platform has.
//
// A seed that fails is printed, and can be run again alone:
//
//	go test ./internal/trial                                  a few seeds
//	go test ./internal/trial -seeds 10000                     those that must pass before a change lands
//	go test ./internal/trial -seeds 1000000 -timeout 0        a night
//	go test ./internal/trial -only kept -seeds 30000          a third of them, those that keep an account up to date
//	go test ./internal/trial -seed 4711 -v                    one seed, with every step
package trial

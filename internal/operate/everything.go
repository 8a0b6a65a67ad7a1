package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/client"
)

// withEverything begins the note of a schedule that was paused together with everything else.
const withEverything = "with everything"

// PauseEverySchedule pauses the schedules of an account, or all of them, that are not paused yet, so that ResumeEverySchedule finds them. It
// returns those that it paused.
func (s *Session) PauseEverySchedule(ctx context.Context, account, note string) ([]Schedule, error) {
	text := withEverything
	if note != "" {
		text += ": " + note
	}
	return s.every(ctx, account, "pause", func(h client.ScheduleHandle, is Schedule) (bool, error) {
		if is.Paused {
			return false, nil
		}
		return true, h.Pause(ctx, client.SchedulePauseOptions{Note: text})
	})
}

// ResumeEverySchedule resumes what PauseEverySchedule has paused. What a person had paused before stays paused.
func (s *Session) ResumeEverySchedule(ctx context.Context, account string) (resumed []Schedule, err error) {
	return s.every(ctx, account, "resume", func(h client.ScheduleHandle, is Schedule) (bool, error) {
		if !is.Paused || !strings.HasPrefix(is.Note, withEverything) {
			return false, nil
		}
		return true, h.Unpause(ctx, client.ScheduleUnpauseOptions{})
	})
}

// every is tell for schedules of which there may be none.
func (s *Session) every(ctx context.Context, account, word string, order func(client.ScheduleHandle, Schedule) (bool, error)) ([]Schedule, error) {
	told, err := s.tell(ctx, Choice{Account: account, All: account == ""}, word, order)
	var none *OrderError
	if errors.As(err, &none) && none.Kind == NoSchedule {
		return nil, nil
	}
	if err != nil {
		return told, fmt.Errorf("%s all schedules: %w", word, err)
	}
	return told, nil
}

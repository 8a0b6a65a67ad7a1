package witness

import (
	"context"
	"errors"
	"testing"
)

func TestAgree(t *testing.T) {
	failed := errors.New("failed")
	for _, tt := range []struct {
		name    string
		answers []int // 0 is an error; the last one is repeated
		want    int
		asked   int
		err     error
	}{
		{"alike", []int{1}, 1, 2, nil},
		{"first other", []int{2, 1}, 1, 5, nil},
		{"other twice, but not alike", []int{2, 3, 1}, 1, 6, nil},
		{"other between", []int{1, 2, 1}, 1, 5, nil},
		{"an error", []int{1, 0}, 0, 2, failed},
		{"never alike", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, 0, Most, ErrFickle},
	} {
		asked := 0
		ask := func(context.Context) (int, error) {
			answer := tt.answers[min(asked, len(tt.answers)-1)]
			if asked++; answer == 0 {
				return 0, failed
			}
			return answer, nil
		}
		got, err := Agree(t.Context(), &Doubt{}, ask, func(a, b int) bool { return a == b })
		if got != tt.want || !errors.Is(err, tt.err) || asked != tt.asked {
			t.Errorf("%s: %d, %v after %d answers; want %d, %v after %d", tt.name, got, err, asked, tt.want, tt.err, tt.asked)
		}
	}
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// attributeNames are the search attributes that runs have. All are keywords.
func attributeNames() []string {
	return []string{workflows.AccountAttribute.GetName(), workflows.KindAttribute.GetName(), workflows.StateAttribute.GetName()}
}

// CreateAttributes creates the search attributes of runs in the namespace, unless they exist. If the server does not permit that, the
// error says so, and runs must begin without search attributes.
func (t *Temporal) CreateAttributes(ctx context.Context, c Config) error {
	namespace := embedded.Namespace
	if c.Temporal != nil {
		namespace = c.Temporal.Namespace
	}
	service := t.Client.OperatorService()
	have, err := service.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("read the search attributes of namespace %s: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, name := range attributeNames() {
		switch kind, ok := have.CustomAttributes[name]; {
		case !ok:
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		case kind != enums.INDEXED_VALUE_TYPE_KEYWORD:
			return fmt.Errorf("search attribute %s of namespace %s has type %s, and chatlake needs Keyword", name, namespace, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = service.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) { // another process was faster
		return fmt.Errorf("create search attributes in namespace %s: %w", namespace, err)
	}
	return nil
}

// longestUnmapped is how long a server may refuse search attributes that were just created.
const longestUnmapped = 15 * time.Second

// WithAttributes calls do, which starts something that has search attributes, and calls it again while the server does not know
// attributes that were created a moment ago.
func WithAttributes(ctx context.Context, do func() error) error {
	end := time.Now().Add(longestUnmapped)
	for {
		err := do()
		if err == nil || !isUnmapped(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// isUnmapped reports whether a server does not know a search attribute.
func isUnmapped(err error) bool {
	var invalid *serviceerror.InvalidArgument
	if !errors.As(err, &invalid) {
		return false
	}
	return slices.ContainsFunc(attributeNames(), func(name string) bool { return strings.Contains(invalid.Message, name) })
}

package chatwoot

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// caller is whoever sent the request.
type caller struct {
	role    Role
	agent   int64 // id of the user behind the token
	inboxes []int64
}

// sees reports whether the caller may see an inbox.
func (c caller) sees(inbox int64) bool {
	return c.role == Administrator || slices.Contains(c.inboxes, inbox)
}

// latency is how long the next answer takes.
func (s *Site) latency() time.Duration {
	if s.options.Uneven {
		return time.Duration(rand.ExpFloat64() * float64(s.options.Latency))
	}
	return s.options.Latency
}

// guard counts, delays and throttles requests and checks their callers, in the order of the real site: rate limit, token, account,
// membership.
func (s *Site) guard(name string, do endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.options.Now()
		done := s.stats.begin(name, now)
		defer done()
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		if latency := s.latency(); latency > 0 {
			timer := time.NewTimer(latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		if !s.limiter.allow(name, w.Header()) {
			s.stats.throttle()
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("Retry later\n"))
			return
		}
		if c, ok := s.admit(w, r); ok {
			do(w, r, c)
		}
	})
}

// admit finds the caller, or answers with the reason why there is none.
func (s *Site) admit(w http.ResponseWriter, r *http.Request) (caller, bool) {
	token := r.Header.Get("api_access_token")
	role, known := s.options.Tokens[token]
	account := r.PathValue("account")
	switch {
	case token == "":
		answer(w, http.StatusUnauthorized, `{"errors":["You need to sign in or sign up before continuing."]}`)
	case !known:
		fail(w, http.StatusUnauthorized, "Invalid Access Token")
	case role == Bot && !botMay(r):
		fail(w, http.StatusUnauthorized, "Access to this endpoint is not authorized for bots")
	case account != "" && account != strconv.FormatInt(s.options.AccountID, 10):
		notFound(w)
	case account != "" && s.options.Suspended:
		fail(w, http.StatusUnauthorized, "Account is suspended")
	case account != "" && role == Outsider:
		fail(w, http.StatusUnauthorized, "You are not authorized to access this account")
	default:
		return s.callerOf(role), true
	}
	return caller{}, false
}

// botMay reports whether a bot may call an endpoint that only reads.
func botMay(r *http.Request) bool {
	switch r.Pattern {
	case "GET /api/v1/accounts/{account}/conversations/{id}", "GET /api/v1/accounts/{account}/conversations/{id}/labels":
		return true
	}
	return false
}

func (s *Site) callerOf(role Role) caller {
	c := caller{role: role}
	switch role {
	case Bot:
		c.role = Administrator // a bot sees every inbox on the endpoints that it may call
	case Agent:
		c.inboxes = s.options.AgentInboxes
	}
	for _, a := range s.corpus.Agents() {
		if a.Administrator == (role == Administrator) {
			c.agent = a.ID
			break
		}
	}
	return c
}

// administrator admits only administrators.
func administrator(w http.ResponseWriter, c caller) bool {
	if c.role != Administrator {
		refuse(w)
		return false
	}
	return true
}

func refuse(w http.ResponseWriter) {
	fail(w, http.StatusUnauthorized, "You are not authorized to do this action")
}

func notFound(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "Resource could not be found")
}

// fail answers with an error in the platform's format.
func fail(w http.ResponseWriter, status int, message string) {
	var b writer
	b.open('{')
	b.key("error").str(message)
	b.close('}')
	answer(w, status, string(b.b))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// send answers with the content of b.
func send(w http.ResponseWriter, b *writer) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b.b)))
	_, _ = w.Write(b.b)
}

// profile is GET /api/v1/profile.
func (s *Site) profile(w http.ResponseWriter, _ *http.Request, c caller) {
	var b writer
	a, _ := s.corpus.AgentByID(c.agent)
	b.open('{')
	b.key("account_id").int(s.options.AccountID)
	b.key("available_name").str(a.DisplayName)
	b.key("avatar_url").str("")
	b.key("confirmed").bool(a.Confirmed)
	b.key("email").str(a.Email)
	b.key("id").int(a.ID)
	b.key("name").str(a.Name)
	b.key("provider").str("email")
	b.key("role").str(string(c.role))
	b.key("type").null()
	b.key("uid").str(a.Email)
	b.array("accounts")
	if c.role != Outsider {
		b.open('{')
		b.key("id").int(s.options.AccountID)
		b.key("name").str("Example")
		b.key("status").str("active")
		b.key("role").str(string(c.role))
		b.close('}')
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

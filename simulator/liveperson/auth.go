package liveperson

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

var services = []string{"msgHist", "sentinel", "agentVep", "accountConfigReadOnly"}

func (s *Site) service(r *http.Request, name string) obj {
	return obj{"service": name, "account": s.options.AccountID, "baseURI": r.Host}
}

// domain answers with the host of a service, which is always this site.
func (s *Site) domain(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("service")
	if r.PathValue("account") != s.options.AccountID || !slices.Contains(services, name) {
		fail(w, http.StatusNotFound, "No such service")
		return
	}
	send(w, http.StatusOK, s.service(r, name))
}

func (s *Site) domains(w http.ResponseWriter, r *http.Request) {
	var all []obj
	for _, name := range services {
		all = append(all, s.service(r, name))
	}
	send(w, http.StatusOK, obj{"baseURIs": all})
}

// grant issues a token that contains its own lifetime.
func (s *Site) grant() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Tokens++
	now := s.options.Now()
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"n":%d}`, now.Unix(), now.Add(s.options.TokenLife).Unix(), s.stats.Tokens)
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	s.tokens[token] = now.Add(s.options.TokenLife)
	return token
}

// Revoke revokes all issued tokens.
func (s *Site) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

func (s *Site) token(w http.ResponseWriter, r *http.Request) {
	form := r.ParseForm()
	if form != nil || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("client_id") != ClientID || r.PostForm.Get("client_secret") != ClientSecret {
		send(w, http.StatusBadRequest, obj{"error": "invalid_client"})
		return
	}
	body := obj{"access_token": s.grant(), "token_type": "Bearer", "expires_in": int64(s.options.TokenLife / time.Second)}
	if s.options.NoExpiresIn {
		delete(body, "expires_in")
	}
	send(w, http.StatusOK, body)
}

func (s *Site) login(w http.ResponseWriter, r *http.Request) {
	var said struct{ Username, Password string }
	if json.NewDecoder(r.Body).Decode(&said) != nil || said.Username != Username || said.Password != Password {
		fail(w, http.StatusUnauthorized, "Login failed")
		return
	}
	send(w, http.StatusOK, obj{
		"csrf": "c", "wsuk": "w", "config": obj{"loginName": Username, "userId": "1"}, "accountData": obj{},
		"csdsCollectionResponse": obj{"baseURIs": []obj{s.service(r, "msgHist")}},
		"sessionTTl":             strconv.Itoa(int(s.options.TokenLife / time.Second)), "bearer": s.grant(), "sessionId": "s",
	})
}

// brand admits callers who may read the account.
func (s *Site) brand(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		fine := kind == "Bearer" && s.bearer(credentials) || kind == "OAuth" && s.signed(r, credentials)
		if !fine || r.PathValue("account") != s.options.AccountID {
			unauthorized(w)
			return
		}
		do(w, r)
	}
}

func unauthorized(w http.ResponseWriter) {
	send(w, http.StatusUnauthorized, obj{
		"reason":  "oauth_problem=token_rejected&oauth_problem_advice=the oauth_token is unacceptable to the Service Provider",
		"message": "The server will not process the request because it is unauthorized. This attempt has been logged",
	})
}

func (s *Site) bearer(token string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	end, given := s.tokens[token]
	return slices.Contains(s.options.Tokens, token) || given && s.options.Now().Before(end)
}

// consumer finds the consumer behind a token.
func (s *Site) consumer(do func(w http.ResponseWriter, r *http.Request, person int64)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		said := r.Header.Get("Authorization")
		for token, person := range s.options.Consumers {
			want := s.options.ConsumerScheme + " " + token
			if s.options.ConsumerScheme == "-" {
				want = token
			}
			if said == want && r.PathValue("account") == s.options.AccountID {
				do(w, r, person)
				return
			}
		}
		unauthorized(w)
	}
}

// signed verifies an OAuth 1.0a signature, and that its nonce is new.
func (s *Site) signed(r *http.Request, header string) bool {
	given := url.Values{}
	for part := range strings.SplitSeq(header, ",") {
		name, quoted, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.PathUnescape(strings.Trim(quoted, `"`))
		if err != nil {
			return false
		}
		given.Set(name, value)
	}
	signature := given.Get("oauth_signature")
	given.Del("oauth_signature")
	at, err := strconv.ParseInt(given.Get("oauth_timestamp"), 10, 64)
	nonce := given.Get("oauth_nonce")
	s.mu.Lock()
	known := s.spent[nonce]
	s.spent[nonce] = true
	s.mu.Unlock()
	late := s.options.Now().Sub(time.Unix(at, 0)).Abs() > 5*time.Minute
	if err != nil || known || late || given.Get("oauth_consumer_key") != AppKey || given.Get("oauth_token") != AccessToken {
		return false
	}
	for name, values := range r.URL.Query() {
		given[name] = values
	}
	strict := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	// Encode sorts by name; a site has no parameter twice.
	parameters := strings.ReplaceAll(given.Encode(), "+", "%20")
	base := r.Method + "&" + strict("http://"+r.Host+r.URL.EscapedPath()) + "&" + strict(parameters)
	mac := hmac.New(sha1.New, []byte(AppSecret+"&"+AccessSecret))
	mac.Write([]byte(base))
	return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(signature))
}

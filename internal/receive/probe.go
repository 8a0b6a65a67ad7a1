package receive

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
)

// Probe is what became of one announcement that was sent to a receiver to try it.
type Probe struct {
	// Secret says what it was sent with: the position of a key or a path in the account, such as keys.0, or nothing if there is none that
	// can be tried.
	Secret string
	// OK means that it arrived as it was sent, and that the receiver judged it as it should.
	OK bool
	// Text says what was found, and what to do about it. It contains no secret.
	Text string
}

const (
	// longestProbe is how long an answer may take. Receivers answer within milliseconds.
	longestProbe = 15 * time.Second
	// noticedSkew is the difference of clocks that is reported. Signatures are refused beyond a few minutes.
	noticedSkew = time.Minute
	// longestAnswer is how much of an answer is read. Those of receivers are shorter.
	longestAnswer = 4 << 10
)

// Send tries the receiver at an address, which is that of the account: it sends one signed announcement for each key, and an unsigned one
// for each path. If keys cannot sign and there are no paths, it sends one unsigned announcement, which is to be refused. It follows no
// redirects, because the path may end in a secret. After the first request that nothing answers, it stops.
func Send(ctx context.Context, transport http.RoundTripper, address, name string, a Account) []Probe {
	s := sender{
		client:  http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		address: address, name: name, account: a,
	}
	type attempt struct{ secret, key, path string }
	var attempts []attempt
	if !a.Push.PublicKeys {
		for i, key := range a.Keys {
			attempts = append(attempts, attempt{secret: fmt.Sprintf("keys.%d", i), key: key})
		}
	}
	for i, path := range a.Paths {
		attempts = append(attempts, attempt{secret: fmt.Sprintf("paths.%d", i), path: path})
	}
	if len(attempts) == 0 {
		attempts = []attempt{{}}
	}
	var all []Probe
	for _, try := range attempts {
		ok, answered, text := s.send(ctx, try.key, try.path)
		all = append(all, Probe{Secret: try.secret, OK: ok, Text: address + " " + text})
		if !answered {
			break
		}
	}
	return all
}

type sender struct {
	client        http.Client
	address, name string
	account       Account
}

// send sends one announcement. Its text continues a sentence that begins with the address.
func (s *sender) send(ctx context.Context, key, path string) (ok, answered bool, text string) {
	ctx, stop := context.WithTimeout(ctx, longestProbe)
	defer stop()
	n := s.account.Push.Probe(s.account.AccountID, rand.Text(), key, time.Now())
	target := s.address
	if path != "" {
		target += "/" + path
	}
	if len(n.Query) > 0 {
		target += "?" + n.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, n.Method, target, bytes.NewReader(n.Body))
	if err != nil {
		return false, false, "cannot be asked: " + redact.Error(err).Error() + "; correct receive.public_url"
	}
	req.Header = n.Header.Clone()
	sent := receiptOf(s.name, s.account.Push, n, time.Now())
	answer, err := s.client.Do(req)
	if err != nil {
		return false, false, unreached(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if err != nil {
		return false, false, unreached(err)
	}
	first, got, ours := parseAnswer(answer.StatusCode, body)
	if !ours {
		return false, true, s.stranger(answer.StatusCode)
	}
	got.at = got.at.Add(time.Since(sent.at)) // what the request took does not count as a difference of clocks
	ok, text = s.judge(first, sent, got, key != "", path != "")
	return ok, true, text
}

// judge compares an answer of a receiver with what it should be.
func (s *sender) judge(first providers.Reason, sent, got receipt, signed, secret bool) (ok bool, text string) {
	whole, headers := got.content == sent.content, got.headers == sent.headers
	skew := time.Until(got.at)
	switch {
	case got.content == "":
		return false, "is reached, but the announcement was refused as " + string(first) + ": " + advice[first]
	case !whole:
		return false, fmt.Sprintf("is reached, but what arrived is not what was sent (answer: %s): something on the way changes announcements, or answers them from a cache; %s",
			first, passOn)
	case signed && !headers && slices.Contains(bySignature, first):
		return false, fmt.Sprintf("is reached, but something on the way removes or changes headers that belong to the signature (answer: %s); let the proxy pass on %s",
			first, strings.Join(s.account.Push.Headers, " and "))
	case first == accepted && !signed && !secret:
		return false, "accepts announcements without a signature; another receiver than this configuration's answers there"
	case (first == accepted || first == providers.Expired) && skew.Abs() > noticedSkew:
		return false, fmt.Sprintf("is reached, but the receiver's clock differs by %s from this machine's, and signatures whose time is too far off are refused; synchronize both clocks, for example with NTP",
			skew.Abs().Round(time.Second))
	case first == accepted && signed:
		return true, "is reached, and the receiver accepts announcements that this key has signed"
	case first == accepted:
		return true, "is reached, and the receiver accepts announcements whose address ends in this secret"
	case first == providers.Unsigned && !signed && !secret:
		return true, "is reached, and this account's receiver refuses what is not signed"
	}
	return false, "is reached, but the announcement was refused as " + string(first) + ": " + advice[first]
}

// bySignature are the refusals that a header which is missing or changed can cause.
var bySignature = []providers.Reason{providers.Unsigned, providers.BadSignature, providers.BadAlgorithm, providers.Expired}

const (
	passOn  = "let the proxy pass on the bytes as they are, without a filter that reads and writes them again"
	restart = "if the configuration was changed, restart the process that receives; otherwise another receiver answers there"
)

// advice says what to do about refusals of announcements that arrived as they were sent.
var advice = map[providers.Reason]string{
	unknownAccount:         "the receiver has no such account, or no section push for it; " + restart,
	badPath:                "the receiver does not have this secret in paths; " + restart,
	badMethod:              "something on the way changes the method; let the proxy pass it on",
	tooLarge:               "something on the way makes the announcement larger; " + passOn,
	tooSlow:                "the proxy did not pass the announcement on within ten seconds; look into its log",
	brokenOff:              "the proxy broke off while it passed the announcement on; look into its log",
	busy:                   "more requests arrive than the receiver takes at once; try again later",
	notKept:                "its spool is full or cannot be written; look into its log, free space on its disk, and see that a worker runs, which fetches what was announced",
	panicked:               "this is an error of chatlake; please report it",
	providers.Unsigned:     "the receiver has no keys for the account, or does not trust its paths; " + restart,
	providers.BadSignature: "the receiver does not have this key; " + restart,
	providers.BadAlgorithm: "the receiver expects another kind of signature; run the same version of chatlake here and there",
	providers.Expired:      "synchronize the clocks of both machines, for example with NTP",
	providers.Unreadable:   "the receiver expects another platform or another form; " + restart,
	providers.OtherAccount: "the receiver has another account_id for the account; " + restart,
}

// stranger says what to do about an answer that is none of a receiver.
func (s *sender) stranger(status int) string {
	said := fmt.Sprintf("is answered with status %d, but not by the receiver", status)
	switch {
	case status == http.StatusProxyAuthRequired:
		return "is not reached: " + redact.ProxyRefusal("", status)
	case status >= 300 && status < 400:
		return said + ": it redirects, and platforms need not follow, nor should secrets in paths; make receive.public_url the address to which it leads, or serve this one"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return said + ": a login or a firewall in front of it refuses announcements; exempt the path " + Path(s.name)
	case status == http.StatusNotFound:
		return said + ": let the proxy pass on the path " + Path(s.name) + " as it is, or correct receive.public_url"
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return said + ": the proxy does not reach it; start chatlake serve or a worker that receives, and let the proxy pass on to the address of receive.listen"
	case status < 300:
		return said + ": another server answers, or a receiver of an older version; let the proxy pass on the path " + Path(s.name) + " to the receiver, or correct receive.public_url"
	}
	return said + "; look into the log of the proxy, and see that receive.public_url is the receiver's address"
}

// unreached says what to do about a request that nothing answered. Errors of requests contain their address, so their text is not used.
func unreached(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   net.Error
	)
	said := "is not reached: " + redact.Error(err).Error()
	switch {
	case errors.As(err, &dns):
		return said + "; add the name to the DNS, or correct receive.public_url"
	case errors.Is(err, syscall.ECONNREFUSED):
		return said + "; start what listens there: the proxy, chatlake serve, or a worker that receives"
	case errors.As(err, &authority):
		return "is not reached: its certificate is signed by an authority that this machine does not trust, and neither would a platform; use one of a public authority, with the certificates between"
	case errors.As(err, &hostname):
		return said + "; get one for this name, or correct receive.public_url"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return said + ", or renew the certificate"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "is not reached: the server does not speak TLS there; let a proxy in front of the receiver do so, or set receive.tls"
	case errors.As(err, &timeout) && timeout.Timeout():
		return said + fmt.Sprintf(" (%s); open the port in the firewall, and see that the proxy answers", longestProbe)
	}
	return said + "; see that receive.public_url is the receiver's address"
}

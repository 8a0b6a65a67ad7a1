package redact

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cause is an error whose text quotes nothing. It wraps the original error for errors.Is and errors.As.
type Cause struct {
	text  string
	cause error
}

func (c *Cause) Error() string { return c.text }
func (c *Cause) Unwrap() error { return c.cause }

// Because wraps an error from outside in an error with our own text.
func Because(text string, err error) *Cause { return &Cause{text, err} }

// Error wraps an error from outside in an error whose text is known to quote nothing. Nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	var ready *Cause
	if errors.As(err, &ready) {
		return &Cause{ready.text, err}
	}
	return &Cause{Mask(describe(err)), err}
}

// describe returns the most specific known description of an error.
func describe(err error) string {
	for _, known := range []func(error) string{ended, files, certificate, network, content, process} {
		if text := known(err); text != "" {
			return text
		}
	}
	return fmt.Sprintf("an error of type %T; its text may quote secrets and is not shown", innermost(err))
}

func ended(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	}
	return ""
}

func files(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Sprintf("%s %s: %s", path.Op, path.Path, describe(path.Err))
	case errors.As(err, &link):
		return fmt.Sprintf("%s %s: %s", link.Op, link.New, describe(link.Err))
	}
	return ""
}

// The advice for untrusted certificates: SSL_CERT_FILE is what the Go runtime reads on Unix.
const unknownAuthority = "the server's certificate is signed by an authority that this machine does not trust; set SSL_CERT_FILE to a PEM file with the authority's certificate"

func certificate(err error) string {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var roots x509.SystemRootsError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &authority):
		return unknownAuthority
	case errors.As(err, &roots):
		return "this machine trusts no certificate authorities; set SSL_CERT_FILE to a PEM file with their certificates"
	case errors.As(err, &hostname):
		return "the server's certificate is for another host than " + hostname.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired or is not valid yet; check this machine's clock"
	case errors.As(err, &invalid), errors.As(err, &verification):
		return "the server's certificate is not valid"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "the server does not speak TLS there; the address of a server without TLS must begin with http://"
	case errors.As(err, &alert):
		return "the server refused the TLS handshake: " + alert.Error()
	}
	return ""
}

func network(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var number syscall.Errno
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return fmt.Sprintf("look up %s: no such host", dns.Name)
		}
		return fmt.Sprintf("look up %s: the name server did not answer", dns.Name)
	case errors.As(err, &op):
		return strings.TrimSpace(op.Op+" "+numeric(op.Addr)) + ": " + describe(op.Err)
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete (unexpected EOF)"
	case errors.Is(err, net.ErrClosed):
		return "the connection was closed"
	}
	return ""
}

// numeric is an address if it consists of numbers; other addresses may contain configured text.
func numeric(a net.Addr) string {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.String()
	case *net.UDPAddr:
		return a.String()
	}
	return ""
}

func content(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var number *strconv.NumError
	var moment *time.ParseError
	var parse *url.Error
	var corrupt flate.CorruptInputError
	text := innermost(err).Error()
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("invalid JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("unexpected JSON at byte %d", kind.Offset)
	case errors.As(err, &number):
		return "a number is invalid"
	case errors.As(err, &moment):
		return "a time is invalid"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return "the compressed data is damaged"
	case strings.HasPrefix(text, "invalid proxy address"): // net/http has no type for it, and quotes the variable
		return "the address in HTTP_PROXY or HTTPS_PROXY is invalid"
	case strings.HasPrefix(text, "malformed HTTP"), strings.Contains(text, "malformed MIME header"), strings.Contains(text, "malformed HTTP response"):
		return "the answer is not HTTP"
	case strings.Contains(text, "parse Location header"):
		return "the answer redirects to an invalid address"
	case errors.As(err, &parse) && parse.Op == "parse":
		return "the address is invalid"
	}
	return ""
}

func process(err error) string {
	var exit *exec.ExitError
	var start *exec.Error
	switch {
	case errors.As(err, &exit):
		return "the command ended with " + exit.ProcessState.String()
	case errors.As(err, &start):
		return "the command cannot be started"
	}
	return ""
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

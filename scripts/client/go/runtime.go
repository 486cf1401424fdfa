// Package oxbow is the client of oxbow's API: one file, without dependencies, for Go 1.19 and newer.
//
// A Client has a method for each operation. Errors of the server are *Problem. A client may be used by
// several goroutines.
package oxbow

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Timeouts of an answer; a file and events have none but that of the context. The server sends a heartbeat every 15 s.
const (
	readTimeout   = 20 * time.Second
	writeTimeout  = 120 * time.Second
	eventsSilence = 40 * time.Second
)

// Bounds: bytes of one request of an upload, of an answer that is read into memory, and of one event.
const (
	pieceBytes     = 8 << 20
	maxAnswerBytes = 256 << 20
	maxEventBytes  = 1 << 20
)

// Before an upload or the connection of events is tried again; the last one repeats.
var pauses = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}

// Client of one server.
type Client struct {
	// Server is its origin, as https://tv.example.
	Server string
	// Token is an API or admin token; empty for none.
	Token string
	// HTTP sends the requests; nil: a client that follows redirects on the same server only.
	HTTP *http.Client
	// Retries after an answer with Retry-After (429, 503), of requests that may be sent twice. Negative: none. 0: two.
	Retries int
	// MaxRetryAfter is the longest Retry-After that the client waits for; 0: 30 s.
	MaxRetryAfter time.Duration
}

// New returns a client of a server, as https://tv.example. The token may be empty.
func New(server, token string) *Client {
	return &Client{Server: strings.TrimRight(server, "/"), Token: token}
}

// Problem is a request that failed. Code is stable, see docs/reference/errors.md. It is "unreachable" if no
// answer came (Status 0), and "unreadable" if the answer is not one of oxbow's.
type Problem struct {
	Code   string `json:"code"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	// Document is the whole problem document, RFC 9457.
	Document json.RawMessage `json:"-"`
	// Header of the answer.
	Header http.Header `json:"-"`
	cause  error
}

func (p *Problem) Error() string {
	for _, text := range []string{p.Detail, p.Title} {
		if text != "" {
			return "oxbow: " + text
		}
	}
	if p.cause != nil {
		return "oxbow: " + p.Code + ": " + p.cause.Error()
	}
	return "oxbow: " + p.Code
}

// Unwrap returns why no answer came, as a context that has ended.
func (p *Problem) Unwrap() error { return p.cause }

// Null is a member that may be absent, null or a value: a nil *Null is absent.
type Null[T any] struct {
	// Value is nil for null.
	Value *T
}

// ToNull returns a member that is null.
func ToNull[T any]() *Null[T] { return &Null[T]{} }

// Value returns a member with a value.
func Value[T any](value T) *Null[T] { return &Null[T]{Value: &value} }

// Ptr returns a pointer to a value, for members that may be absent.
func Ptr[T any](value T) *T { return &value }

// MarshalJSON writes the value, or null.
func (n Null[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.Value) }

// UnmarshalJSON reads a value, or null.
func (n *Null[T]) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &n.Value) }

// Option of one request.
type Option func(*request)

// IdempotencyKey makes a request that creates something safe to repeat: the first answer is returned again.
func IdempotencyKey(key string) Option {
	return func(r *request) { r.header.Set("Idempotency-Key", key) }
}

// IfMatch applies a change only if the resource has this ETag; otherwise it fails with precondition-failed.
func IfMatch(etag string) Option { return func(r *request) { r.header.Set("If-Match", etag) } }

// OnHeader receives the header of the answer, for example for its ETag.
func OnHeader(receive func(http.Header)) Option { return func(r *request) { r.onHeader = receive } }

// Body is a file that is sent.
type Body struct {
	// Reader is read once; a request with one is not repeated.
	Reader io.Reader
	// Type is its media type; empty: the usual one of the operation.
	Type string
	// Length in bytes; 0: unknown.
	Length int64
}

type request struct {
	method   string
	address  string
	header   http.Header
	body     []byte
	file     *Body
	isFile   bool // the answer
	onHeader func(http.Header)
}

// newRequest fills the path, whose parameters are written {name}, with values in their order.
func (c *Client) newRequest(method, route string, values []string, query url.Values, options []Option) *request {
	var filled strings.Builder
	for _, part := range strings.SplitAfter(route, "}") {
		if at := strings.IndexByte(part, '{'); at >= 0 {
			part = part[:at] + url.PathEscape(values[0])
			values = values[1:]
		}
		filled.WriteString(part)
	}
	address := c.Server + filled.String()
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r := &request{method: method, address: address, header: http.Header{"Accept": {"application/json"}}}
	for _, option := range options {
		option(r)
	}
	return r
}

func (r *request) setBody(body any) error {
	text, err := json.Marshal(body)
	r.body = text
	r.header.Set("Content-Type", "application/json")
	return err
}

func (r *request) setFile(body Body, usualType string) {
	if body.Type == "" {
		body.Type = usualType
	}
	r.header.Set("Content-Type", body.Type)
	r.file = &body
}

var sameServer = &http.Client{CheckRedirect: func(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if len(before) > 10 || next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return http.ErrUseLastResponse
	}
	return nil
}}

// send sends one request. Everything but 2xx is a Problem.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	var body io.Reader
	if r.file != nil {
		body = r.file.Reader
	} else if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	message, err := http.NewRequestWithContext(ctx, r.method, r.address, body)
	if err != nil {
		return nil, err
	}
	if r.file != nil && r.file.Length > 0 {
		message.ContentLength = r.file.Length
	}
	message.Header = r.header.Clone()
	if c.Token != "" {
		message.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = sameServer
	}
	response, err := client.Do(message)
	if err != nil {
		return nil, &Problem{Code: "unreachable", cause: err}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		return nil, problemOf(response, text)
	}
	return response, nil
}

func problemOf(response *http.Response, text []byte) *Problem {
	problem := &Problem{}
	if json.Unmarshal(text, problem) != nil || problem.Code == "" {
		problem = &Problem{Code: "unreadable"}
	} else {
		problem.Document = text
	}
	problem.Status = response.StatusCode
	problem.Header = response.Header
	return problem
}

// call sends a request, repeats it after Retry-After, and reads its answer into a value, which may be nil.
func (c *Client) call(ctx context.Context, r *request, answer any) error {
	timeout := writeTimeout
	if r.method == http.MethodGet {
		timeout = readTimeout
	}
	retries := c.Retries
	if retries == 0 {
		retries = 2
	}
	for tried := 0; ; tried++ {
		err := c.callOnce(ctx, r, answer, timeout)
		var problem *Problem
		mayRepeat := r.file == nil && (r.method != http.MethodPost || r.header.Get("Idempotency-Key") != "")
		if !errors.As(err, &problem) || !mayRepeat || tried >= retries {
			return err
		}
		wait, ok := c.retryAfter(problem)
		if !ok {
			return err
		}
		if stopped := sleep(ctx, wait); stopped != nil {
			return stopped
		}
	}
}

func (c *Client) callOnce(ctx context.Context, r *request, answer any, timeout time.Duration) error {
	if r.file == nil { // a file that is sent takes as long as it takes
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		ctx = limited
	}
	response, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if r.onHeader != nil {
		r.onHeader(response.Header)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return &Problem{Code: "unreachable", cause: err}
	}
	if answer == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return &Problem{Code: "unreadable", Status: response.StatusCode, cause: err}
	}
	return nil
}

// open sends a request whose answer is a file. The caller closes its body.
func (c *Client) open(ctx context.Context, r *request) (*http.Response, error) {
	response, err := c.send(ctx, r)
	if err == nil && r.onHeader != nil {
		r.onHeader(response.Header)
	}
	return response, err
}

// retryAfter reads seconds; dates are not supported, since oxbow sends seconds.
func (c *Client) retryAfter(problem *Problem) (time.Duration, bool) {
	longest := c.MaxRetryAfter
	if longest == 0 {
		longest = 30 * time.Second
	}
	if problem.Status != http.StatusTooManyRequests && problem.Status != http.StatusServiceUnavailable {
		return 0, false
	}
	seconds, err := strconv.ParseUint(problem.Header.Get("Retry-After"), 10, 20)
	wait := time.Duration(seconds) * time.Second
	return wait, err == nil && wait <= longest
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// pauseAfter waits before the next attempt. Half of each pause is random, so that clients do not come back all at once.
func pauseAfter(ctx context.Context, failed int) error {
	if failed >= len(pauses) {
		failed = len(pauses) - 1
	}
	half := pauses[failed] / 2
	return sleep(ctx, half+time.Duration(rand.Int63n(int64(half))))
}

// Pages calls a function with each page of a list: "" first, then the cursor that it returned, until that is nil.
//
//	err := oxbow.Pages(func(cursor string) (*string, error) {
//		page, err := client.ListStreams(ctx, &oxbow.ListStreamsParams{Cursor: cursor})
//		if err != nil {
//			return nil, err
//		}
//		streams = append(streams, page.Items...)
//		return page.NextCursor, nil
//	})
func Pages(read func(cursor string) (next *string, err error)) error {
	cursor := ""
	for {
		next, err := read(cursor)
		if err != nil || next == nil || *next == "" || *next == cursor {
			return err
		}
		cursor = *next
	}
}

// Event of the server. Data has the members that docs/reference/events.md lists for its type.
type Event struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	At     time.Time       `json:"at"`
	Stream *string         `json:"stream"`
	Data   json.RawMessage `json:"data"`
}

// EventFilter says which events are received.
type EventFilter struct {
	// Types; none: all.
	Types []string
	// Stream; empty: all that the client may see. Events of an unlisted stream need its name.
	Stream string
	// After is the id of the last received event: those after it come first.
	After string
}

// Events calls receive with each event as it happens, until the context ends or receive returns an error, which is returned. It
// reconnects and continues after the last event. Each connection begins with events.ready, or with events.reset if
// events were lost: then read the state again.
func (c *Client) Events(ctx context.Context, filter EventFilter, receive func(Event) error) error {
	for failed := 0; ; failed++ {
		after := filter.After
		stopped, err := c.connect(ctx, &filter, receive)
		if stopped {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if filter.After != after {
			failed = 0
		}
		if err := pauseAfter(ctx, failed); err != nil {
			return err
		}
	}
}

// connect reads one connection. stopped: the error is final.
func (c *Client) connect(ctx context.Context, filter *EventFilter, receive func(Event) error) (stopped bool, err error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"types": strings.Join(filter.Types, ","), "stream": filter.Stream, "after": filter.After,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(eventsSilence, cancel)
	defer silence.Stop()
	r := c.newRequest(http.MethodGet, "/api/v1/events", nil, query, nil)
	r.header.Set("Accept", "text/event-stream")
	response, err := c.send(ctx, r)
	if err != nil {
		var problem *Problem
		if !errors.As(err, &problem) {
			return true, err
		}
		status := problem.Status
		return status >= 400 && status < 500 && status != 408 && status != 429, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 4096), maxEventBytes)
	for lines.Scan() {
		silence.Reset(eventsSilence)
		data := bytes.TrimPrefix(lines.Bytes(), []byte("data: "))
		if len(data) == len(lines.Bytes()) {
			continue
		}
		var event Event
		if err := json.Unmarshal(data, &event); err != nil {
			return false, err
		}
		if event.ID != "" {
			filter.After = event.ID
		}
		if err := receive(event); err != nil {
			return true, err
		}
	}
	return false, lines.Err()
}

// PastEvents is a page, oldest first. Next is since of the following page.
type PastEvents struct {
	Items     []Event `json:"items"`
	Next      string  `json:"next"`
	More      bool    `json:"more"`
	Lost      int     `json:"lost"`
	KeptSince string  `json:"keptSince"`
}

// PastEvents reads a page of past events. since is Next of a page, the id of an event, or a time: RFC 3339, or unix seconds or
// milliseconds. limit is at most 1000; 0: 100.
func (c *Client) PastEvents(ctx context.Context, since string, limit int, filter EventFilter) (*PastEvents, error) {
	query := url.Values{"since": {since}}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if len(filter.Types) > 0 {
		query.Set("types", strings.Join(filter.Types, ","))
	}
	if filter.Stream != "" {
		query.Set("stream", filter.Stream)
	}
	page := &PastEvents{}
	return page, c.call(ctx, c.newRequest(http.MethodGet, "/api/v1/events", nil, query, nil), page)
}

// UploadOptions of a file.
type UploadOptions struct {
	// Metadata: title, description, tags, visibility, sha256.
	Metadata map[string]string
	// OnProgress gets the bytes that the server has, and all bytes.
	OnProgress func(received, size int64)
	// Attempts without progress until the last error is returned; 0: 10.
	Attempts int
}

// Upload uploads a video file with tus 1.0.0 and returns the id of its asset. It continues after interruptions.
func (c *Client) Upload(ctx context.Context, name string, options UploadOptions) (asset string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	facts, err := file.Stat()
	if err != nil {
		return "", err
	}
	pairs := []string{"filename " + base64.StdEncoding.EncodeToString([]byte(filepath.Base(name)))}
	for key, value := range options.Metadata {
		pairs = append(pairs, key+" "+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	sort.Strings(pairs)
	created, err := c.tus(ctx, http.MethodPost, "", nil, map[string]string{
		"Upload-Length": strconv.FormatInt(facts.Size(), 10), "Upload-Metadata": strings.Join(pairs, ","),
	})
	if err != nil {
		return "", err
	}
	// The address of a proxy may not be known to the server: the upload stays at the server that was named.
	return created.Get("Oxbow-Asset"), c.sendPieces(ctx, file, facts.Size(), path.Base(created.Get("Location")), options)
}

func (c *Client) sendPieces(ctx context.Context, file io.ReaderAt, size int64, id string, options UploadOptions) error {
	attempts := options.Attempts
	if attempts == 0 {
		attempts = 10
	}
	for offset, failed, isKnown := int64(0), 0, true; offset < size; {
		next, err := c.sendPiece(ctx, file, size, offset, id, isKnown)
		if err == nil {
			if next > offset { // also what an interrupted piece has sent
				failed = 0
			}
			offset, isKnown = next, true
			if options.OnProgress != nil {
				options.OnProgress(offset, size)
			}
			continue
		}
		var problem *Problem
		failed++
		if !errors.As(err, &problem) || !mayContinue(problem.Status) || failed >= attempts || ctx.Err() != nil {
			return err
		}
		isKnown = false
		if err := pauseAfter(ctx, failed-1); err != nil {
			return err
		}
	}
	return nil
}

func mayContinue(status int) bool {
	return status == 0 || status == 409 || status == 423 || status == 429 || status >= 500
}

// sendPiece sends the next bytes, or reads where the upload continues. It returns how many bytes the server has.
func (c *Client) sendPiece(
	ctx context.Context, file io.ReaderAt, size, offset int64, id string, isKnown bool,
) (int64, error) {
	method, body, header := http.MethodHead, io.Reader(nil), map[string]string{}
	if isKnown {
		method = http.MethodPatch
		length := size - offset
		if length > pieceBytes {
			length = pieceBytes
		}
		body = io.NewSectionReader(file, offset, length)
		header["Upload-Offset"] = strconv.FormatInt(offset, 10)
		header["Content-Type"] = "application/offset+octet-stream"
		header["Content-Length"] = strconv.FormatInt(length, 10)
	}
	answer, err := c.tus(ctx, method, "/"+id, body, header)
	if err != nil {
		return 0, err
	}
	next, err := strconv.ParseInt(answer.Get("Upload-Offset"), 10, 64)
	if err != nil || next < 0 || next > size {
		return 0, &Problem{Code: "unreadable", Status: http.StatusOK, cause: err}
	}
	return next, nil
}

// tus sends one request of an upload and returns the header of its answer.
func (c *Client) tus(
	ctx context.Context, method, id string, body io.Reader, header map[string]string,
) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	r := c.newRequest(method, "/api/v1/uploads", nil, nil, nil)
	r.address += id
	r.header.Set("Tus-Resumable", "1.0.0")
	for name, value := range header {
		r.header.Set(name, value)
	}
	if body != nil {
		length, _ := strconv.ParseInt(header["Content-Length"], 10, 64)
		r.file = &Body{Reader: body, Length: length}
	}
	response, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	return response.Header, response.Body.Close()
}

func setQuery(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

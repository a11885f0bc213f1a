package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// socketError is a fault of a vendor's side of a socket, safe to print.
type socketError string

func (e socketError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e socketError) SafeToPrint() {}

const (
	errNoSocket = socketError("the answer is no WebSocket")
	errBroken   = socketError("the connection broke off")
	errGarbled  = socketError("the vendor broke the WebSocket protocol")
)

// maxMessage bounds what a vendor says at once: the words of a long final
// result, many times over.
const maxMessage = 1 << 20

// goodbye is how long a closing handshake may take.
const goodbye = time.Second

// socket is a WebSocket to a vendor.
type socket struct {
	ws    *websocket.Conn
	quiet context.Context //nolint:containedctx // for writes; see write
	id    string          // of the request
	codes map[string]failover.Class
	over  atomic.Bool // the vendor has said all
}

// dial opens a socket.
func dial(ctx context.Context, access httpcall.Live, path string, query url.Values, codes map[string]failover.Class) (*socket, error) {
	target, header, client := access.Calls.Socket(httpcall.Request{Path: path, Query: query})
	ws, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header})
	switch {
	case err == nil:
	case resp == nil || ctx.Err() != nil:
		return nil, access.Calls.Failed(err)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return nil, httpcall.Failure(resp, access.ReadError)
	default:
		return nil, httpcall.Incomplete(resp, errNoSocket)
	}
	ws.SetReadLimit(maxMessage)
	return &socket{ws: ws, quiet: context.WithoutCancel(ctx), id: failover.HTTPError(resp).RequestID, codes: codes}, nil
}

// write sends a message. The library arms and disarms a timer for every write
// whose context can end. Here it need not: close ends a write that waits.
func (s *socket) write(kind websocket.MessageType, data []byte) error {
	if err := s.ws.Write(s.quiet, kind, data); err != nil {
		return s.broken(err)
	}
	return nil
}

func (s *socket) text(data string) error { return s.write(websocket.MessageText, []byte(data)) }

// read waits for a message, and reads of it what it is into head.
func (s *socket) read(ctx context.Context, head any) ([]byte, error) {
	kind, data, err := s.ws.Read(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, s.broken(err)
	case kind != websocket.MessageText:
		return nil, s.garbled()
	}
	return data, s.decode(data, head)
}

// decode reads a message.
func (s *socket) decode(data []byte, v any) error {
	if json.Unmarshal(data, v) != nil {
		return s.garbled()
	}
	return nil
}

func (s *socket) garbled() error {
	return &failover.Error{Class: failover.ClassIncomplete, RequestID: s.id, Err: httpcall.ErrNotJSON}
}

// ping asks whether the vendor is there.
func (s *socket) ping(ctx context.Context) error {
	if err := s.ws.Ping(ctx); err != nil && ctx.Err() == nil {
		return s.broken(err)
	}
	return ctx.Err()
}

// close ends the connection. When the vendor has said all it says goodbye.
func (s *socket) close() error {
	if !s.over.Load() {
		return s.ws.CloseNow()
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for { // the library closes the connection when the context ends
			if _, _, err := s.ws.Read(ctx); err != nil {
				return
			}
		}
	}()
	err := s.ws.Close(websocket.StatusNormalClosure, "")
	<-drained
	return err
}

// broken reads the error of a connection that ended.
func (s *socket) broken(err error) error {
	e := &failover.Error{Class: failover.ClassTransient, RequestID: s.id, Err: errBroken}
	closed, ok := errors.AsType[websocket.CloseError](err)
	if !ok {
		if read := failover.Classify(err); read.Class == failover.ClassUnknown {
			// Neither the network's nor a context's: the library refused what
			// the vendor sent.
			e.Class, e.Err = failover.ClassIncomplete, errGarbled
		}
		return e
	}
	e.Code = codeIn(closed.Reason)
	e.Message = httpcall.Message(closed.Reason)
	if class, ok := s.codes[e.Code]; ok {
		e.Class = class
		return e
	}
	e.Class = closeClass(closed.Code)
	if e.Code == "" {
		e.Code = "close " + strconv.Itoa(int(closed.Code))
	}
	return e
}

// closeClass is what a closing code says by itself.
func closeClass(code websocket.StatusCode) failover.Class {
	switch code {
	case websocket.StatusNormalClosure:
		return failover.ClassIncomplete // before its time
	case websocket.StatusUnsupportedData, websocket.StatusPolicyViolation, websocket.StatusMessageTooBig:
		return failover.ClassUnsupported
	case websocket.StatusTryAgainLater:
		return failover.ClassRateLimited
	default:
		return failover.ClassTransient
	}
}

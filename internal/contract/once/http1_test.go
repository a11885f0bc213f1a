package once_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gofailover/failover/internal/rawpeer"
)

// plot is a way in which a request ends. It says whether the connection lives
// on.
type plot struct {
	name string
	play func(v *vendor, c *rawpeer.Conn, a asked) (lives bool)
}

const (
	ends  = false
	lives = true
)

func answer(status int, body string, more ...string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nDate: %s\r\nContent-Length: %d\r\n%s\r\n%s",
		status, http.StatusText(status), time.Now().UTC().Format(http.TimeFormat), len(body), strings.Join(more, ""), body)
}

// after is a plot that answers with text.
func after(name string, does func(*vendor, asked), text func(*vendor) string, lives bool) plot {
	return plot{name, func(v *vendor, c *rawpeer.Conn, a asked) bool {
		does(v, a)
		c.Say(text(v))
		return lives
	}}
}

func nothing(*vendor, asked) {}

// The plots of requests that arrived whole.
func wholePlots() []plot {
	do, maybe := (*vendor).do, (*vendor).maybe
	text := func(s string) func(*vendor) string { return func(*vendor) string { return s } }
	created := func(v *vendor) string { return answer(201, v.says()) }
	plots := []plot{
		after("ended", maybe, text(""), ends),
		{"reset", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.maybe(a)
			c.Reset()
			return ends
		}},
		{"half ended", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.maybe(a)
			v.world.quit()
			c.Finish()
			return ends
		}},
		after("half a status line", maybe, text("HTTP/1.1 20"), ends),
		after("half a head", maybe, text("HTTP/1.1 201 Created\r\nContent-Type: app"), ends),
		after("not HTTP", maybe, text("220 smtp.acme.test ESMTP\r\n"), ends),
		{"silence, done before", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.do(a)
			v.world.quit()
			c.Gone()
			return ends
		}},
		{"silence, done when the client has left", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.world.quit()
			c.Gone()
			v.do(a)
			return ends
		}},
		{"silence, done long afterwards", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.world.quit()
			c.Gone()
			v.world.atTheEnd(func() { v.do(a) })
			return ends
		}},
		{"silence, never done", func(v *vendor, c *rawpeer.Conn, _ asked) bool {
			v.world.quit()
			c.Gone()
			return ends
		}},
		{"silence, then reset", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.world.pass(5 * time.Millisecond)
			v.maybe(a)
			c.Reset()
			return ends
		}},
		{"slow, perhaps too slow", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.world.pass(2 * attemptTime)
			v.do(a)
			c.Say(created(v))
			return lives
		}},
		after("201, cut", do, func(v *vendor) string { s := created(v); return s[:len(s)-5] }, ends),
		after("201, empty", do, text(answer(201, "")), lives),
		after("204", do, text("HTTP/1.1 204 No Content\r\n\r\n"), lives),
		after("201, not JSON", do, text(answer(201, "<html>created</html>")), lives),
		after("201, without an id", do, text(answer(201, "{}")), lives),
		after("201, by an old server", do, func(v *vendor) string { return "HTTP/1.0 201 Created\r\n\r\n" + v.says() }, ends),
		after("201, in chunks", do, func(v *vendor) string {
			return fmt.Sprintf("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(v.says()), v.says())
		}, lives),
		after("201, in broken chunks", do, text("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"id\r\nzz\r\n"), ends),
		after("201, zipped badly", do, text(answer(201, "no zip", "Content-Encoding: gzip\r\n")), lives),
		{"201, silent in the middle", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.do(a)
			s := created(v)
			c.Say(s[:len(s)-5])
			v.world.quit()
			c.Gone()
			return ends
		}},
		{"201, by and by", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.do(a)
			for _, b := range created(v) {
				c.Say(string(b))
			}
			return lives
		}},
		after("201, and another answer", do, func(v *vendor) string {
			return created(v) + answer([]int{500, 429}[v.world.dice.roll(2)], "{}")
		}, ends),
		{"201, and the connection ends under the next request", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.do(a)
			c.Say(created(v))
			if next, ok := v.read(c); ok && !next.lists {
				v.maybe(next)
			}
			return ends
		}},
		after("early answers, then 201", do, func(v *vendor) string {
			return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + created(v)
		}, lives),
		{"early answers, then reset", func(v *vendor, c *rawpeer.Conn, a asked) bool {
			v.maybe(a)
			c.Say("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
			c.Reset()
			return ends
		}},
		after("101", maybe, text("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ssh\r\n\r\n"), ends),
		after("the vendor does not know", maybe, func(v *vendor) string { return answer(v.murky()) }, lives),
		after("opted out", nothing, func(v *vendor) string { return answer(400, v.stopped()) }, lives),
		after("429, wait a moment", nothing, text(answer(429, "{}", "Retry-After: 1\r\n")), lives),
		{"a redirect", func(v *vendor, c *rawpeer.Conn, _ asked) bool {
			code := []int{301, 302, 303, 307, 308}[v.world.dice.roll(5)]
			c.Say(answer(code, "", "Location: "+v.world.elsewhere.URL()+"/send\r\n"))
			return lives
		}},
	}
	for range 6 { // most things go well, or the rest is not met
		plots = append(plots, after("201", do, created, lives))
	}
	for _, status := range []int{500, 502, 503, 504, 529, 408, 409} {
		plots = append(plots, after(fmt.Sprint(status), maybe, text(answer(status, "{}")), lives))
	}
	for _, status := range []int{400, 401, 402, 403, 404, 422, 429, 501, 505} {
		plots = append(plots, after(fmt.Sprint(status), nothing, text(answer(status, "{}")), lives))
	}
	return plots
}

// The plots of requests whose head was read.
func partPlots() []plot {
	return []plot{
		{"reset in the middle", func(_ *vendor, c *rawpeer.Conn, _ asked) bool {
			c.Reset()
			return ends
		}},
		{"ended in the middle", func(*vendor, *rawpeer.Conn, asked) bool { return ends }},
		{"silence in the middle", func(v *vendor, c *rawpeer.Conn, _ asked) bool {
			v.world.quit()
			c.Gone()
			return ends
		}},
		{"refused in the middle", func(_ *vendor, c *rawpeer.Conn, _ asked) bool {
			c.Say(answer(413, "{}", "Connection: close\r\n"))
			return ends
		}},
	}
}

// The plots of connections.
func connPlots() []plot {
	return []plot{
		{"reset when accepted", func(_ *vendor, c *rawpeer.Conn, _ asked) bool {
			c.Reset()
			return ends
		}},
		{"ended when accepted", func(*vendor, *rawpeer.Conn, asked) bool { return ends }},
		{"read, and reset", func(_ *vendor, c *rawpeer.Conn, _ asked) bool { // in a handshake, or a request
			_ = c.Hello()
			c.Reset()
			return ends
		}},
		{"read, and silence", func(v *vendor, c *rawpeer.Conn, _ asked) bool {
			_ = c.Hello()
			v.world.quit()
			_ = c.TCP.SetReadDeadline(time.Now().Add(2 * attemptTime)) // dialling goes on when the request is over
			for c.Hello() == nil {
			}
			return ends
		}},
		{"read, and not TLS", func(_ *vendor, c *rawpeer.Conn, _ asked) bool {
			_ = c.Hello()
			_, _ = c.TCP.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
			return ends
		}},
	}
}

// read takes the next request whole.
func (v *vendor) read(c *rawpeer.Conn) (asked, bool) {
	req, body, err := c.Request()
	if err != nil {
		return asked{}, false
	}
	return v.understand(req.Method, req.URL.String(), body), true
}

// serve is the script of a connection.
func (v *vendor) serve(c *rawpeer.Conn) {
	d := v.world.dice
	if d.oneIn(12) {
		v.play(connPlots(), c, asked{})
		return
	}
	for {
		if d.oneIn(12) {
			if _, err := c.Head(); err == nil {
				v.play(partPlots(), c, asked{})
			}
			return
		}
		a, ok := v.read(c)
		switch {
		case !ok:
			return
		case a.lists:
			if !v.answerList(c, a) {
				return
			}
		case v.play(wholePlots(), c, a) == ends:
			return
		}
	}
}

// listed is the plot of a question, which Lookup asks.
const listed = "the list of messages"

// answerList answers a question about what was sent.
func (v *vendor) answerList(c *rawpeer.Conn, a asked) bool {
	v.world.book.played(v.world.opOf(a), v.name, listed)
	switch v.world.dice.roll(4) {
	case 0:
		c.Say(answer(500, "{}"))
	case 1:
		return ends
	default:
		c.Say(answer(200, v.list(a.to)))
	}
	return lives
}

func (v *vendor) play(plots []plot, c *rawpeer.Conn, a asked) bool {
	p := plots[v.world.dice.roll(len(plots))]
	v.world.book.played(v.world.opOf(a), v.name, p.name)
	return p.play(v, c, a)
}

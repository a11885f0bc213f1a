package phone_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
)

func TestTagOf(t *testing.T) {
	t.Parallel()
	assert.Equal(t, phone.Tag{}, phone.TagOf(t.Context()))
	assert.Equal(t, phone.Tag{Operation: "order-7"}, phone.TagOf(failover.Operation(t.Context(), "order-7")))
	var tags []phone.Tag
	leaf := failover.Wrap("leaf", func(ctx context.Context, _ string) (string, error) {
		tags = append(tags, phone.TagOf(ctx))
		return "sent", nil
	})
	leaf.SideEffect = true
	inner, err := failover.New(failover.Providers(leaf))
	require.NoError(t, err)
	outer, err := failover.New(failover.Providers(failover.Nest("pool", inner)))
	require.NoError(t, err)
	for i, r := range []*failover.Router[string, string]{inner, outer} {
		_, err := r.Do(failover.Operation(t.Context(), "order-"+string(rune('7'+i))), "hello")
		require.NoError(t, err)
	}
	assert.Equal(t, []phone.Tag{
		{Operation: "order-7", Attempt: "order-7.1", Provider: "leaf"},
		{Operation: "order-8", Attempt: "order-8.1.1", Provider: "pool/leaf"},
	}, tags)
}

func TestTagInURL(t *testing.T) {
	t.Parallel()
	tag := phone.Tag{Operation: "order-7", Attempt: "order-7.1", Provider: "pool/twilio"}
	const added = "failover_attempt=order-7.1&failover_operation=order-7&failover_provider=pool%2Ftwilio"
	for callback, want := range map[string]string{
		"https://example.org/hook":           "https://example.org/hook?" + added,
		"https://example.org":                "https://example.org?" + added,
		"https://example.org/hook?":          "https://example.org/hook?" + added,
		"https://example.org/hook?b=2&a=%20": "https://example.org/hook?b=2&a=%20&" + added,
		"https://example.org/hook?flag#top":  "https://example.org/hook?flag&" + added + "#top",
		"https://example.org/a%2Fb?x=;":      "https://example.org/a%2Fb?x=;&" + added,
	} {
		got := tag.AddTo(callback)
		assert.Equal(t, want, got)
		assert.Equal(t, tag, phone.FromURL(got))
	}
	for _, callback := range []string{"", "https://example.org/%zz"} {
		assert.Equal(t, callback, tag.AddTo(callback), "what is no address stays as it is")
	}
	assert.Equal(t, "https://example.org", phone.Tag{Provider: "twilio"}.AddTo("https://example.org"), "there is no attempt to name")
}

// An address that went through an earlier message has the tag of that one.
func TestTagOfTheLatest(t *testing.T) {
	t.Parallel()
	first := phone.Tag{Operation: "order-7", Attempt: "order-7.1", Provider: "twilio"}
	second := phone.Tag{Operation: "order-8", Attempt: "order-8.1", Provider: "telnyx"}
	assert.Equal(t, second, phone.FromURL(second.AddTo(first.AddTo("https://example.org/hook?a=1"))))
}

func TestFromURLOfOthers(t *testing.T) {
	t.Parallel()
	for _, callback := range []string{"", "https://example.org", "https://example.org?operation=7", "%zz", "https://example.org?%zz"} {
		assert.Equal(t, phone.Tag{}, phone.FromURL(callback), callback)
	}
	assert.Equal(t, phone.Tag{Operation: "7"}, phone.FromURL("?failover_operation=7"), "a server sees the path alone")
}

func TestState(t *testing.T) {
	t.Parallel()
	tag := phone.Tag{Operation: "order-7: \"shipped\" & paid", Attempt: "order-7.1", Provider: "pool/telnyx"}
	assert.Equal(t, tag, phone.FromState(tag.State()))
	assert.Empty(t, phone.Tag{Attempt: "a", Provider: "telnyx"}.State(), "there is no attempt to name")
	encode := base64.StdEncoding.EncodeToString
	for _, state := range []string{
		"", "not base64!", encode(nil), encode([]byte("theirs")), encode([]byte("[]")), encode([]byte("null")), encode([]byte("7")),
		encode([]byte(`{"step":3}`)), encode([]byte(`{"operation":7}`)), encode([]byte(`{"operation":"7"`)),
		encode([]byte(`{"operation":"7","attempt":[]}`)),
	} {
		assert.Equal(t, phone.Tag{}, phone.FromState(state), state)
	}
}

func FuzzTagInURL(f *testing.F) {
	f.Add("https://example.org/hook?b=2&a=%20#top", "order-7", "order-7.1", "pool/twilio")
	f.Add("http://example.org?failover_operation=x", "&=#?%", "\x00", "ä")
	f.Add("https://example.org?a;b", "o", "", "")
	f.Fuzz(func(t *testing.T, callback, operation, attempt, provider string) {
		tag := phone.Tag{Operation: operation, Attempt: attempt, Provider: provider}
		got := tag.AddTo(callback)
		before, err := url.Parse(callback)
		if operation == "" || callback == "" || err != nil {
			if got != callback {
				t.Fatalf("AddTo(%q) has become %q", callback, got)
			}
			return
		}
		if back := phone.FromURL(got); back != tag {
			t.Fatalf("%+v has come back as %+v from %q", tag, back, got)
		}
		after, err := url.Parse(got)
		if err != nil {
			t.Fatalf("AddTo(%q) is no address: %v", callback, err)
		}
		if !strings.HasPrefix(after.RawQuery, before.RawQuery) || after.Path != before.Path || after.Host != before.Host ||
			after.Fragment != before.Fragment || after.Scheme != before.Scheme {
			t.Fatalf("AddTo(%q) is %q: the application's own has changed", callback, got)
		}
		if phone.IsURL(callback) != phone.IsURL(got) {
			t.Fatalf("AddTo(%q) is %q: one is an address and the other is not", callback, got)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add("order-7", "order-7.1", "pool/telnyx", "")
	f.Add("\"\\\u2028<&>", "ä", "\x00", "bm90IGpzb24=")
	f.Fuzz(func(t *testing.T, operation, attempt, provider, theirs string) {
		_ = phone.FromState(theirs) // whatever it is
		tag := phone.Tag{Operation: operation, Attempt: attempt, Provider: provider}
		state := tag.State()
		if (state == "") != (operation == "") {
			t.Fatalf("the state of %+v is %q", tag, state)
		}
		if operation == "" || !utf8.ValidString(operation+"|"+attempt+"|"+provider) {
			return
		}
		if back := phone.FromState(state); back != tag {
			t.Fatalf("%+v has come back as %+v", tag, back)
		}
	})
}

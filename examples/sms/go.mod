module github.com/gofailover/failover/examples/sms

go 1.26.0

replace (
	github.com/gofailover/failover => ../..
	github.com/gofailover/failover/providers/twilio => ../../providers/twilio
)

require (
	github.com/gofailover/failover v0.0.0-00010101000000-000000000000
	github.com/gofailover/failover/providers/twilio v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/golang/mock v1.6.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
	github.com/twilio/twilio-go v1.31.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

// Package stt is speech to text with failover: one request that any vendor can
// serve, and a client that asks the next vendor when one fails.
package stt

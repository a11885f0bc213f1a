// Package httpcall is what the adapters over net/http share: one call is one
// request, ended by its context alone, whose answer is bounded, read whole or as
// it comes, and whose errors carry neither URL nor body.
package httpcall

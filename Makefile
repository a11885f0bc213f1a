# `make check` does what CI does; `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Both cores belong to the step that is running, and the output stays readable.
.NOTPARALLEL:

# Flags for `go test` in test and cover, for example TESTFLAGS='-count=20 -run Breaker'.
TESTFLAGS ?=
# How long `make fuzz` spends on each fuzz target.
FUZZTIME ?= 10s

# Tools are pinned and kept beside the checkout, one folder per Go version: a
# linter built with an older Go refuses code written for a newer one.
GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.12.0

TOOLS := .tools/$(shell go env GOVERSION)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint
GOFUMPT := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)/gofumpt

# Prints the modules named in go.work, as paths from here: a new one needs no edit.
MODULES = go list -m -f '{{.Dir}}' | sed "s|^$$PWD|.|"

# $(call each,command) runs the command in every module, goes on after a
# failure so that one run shows everything, and fails if any of them did.
each = dirs=$$($(MODULES)); status=0; for dir in $$dirs; do (cd "$$dir" && $(1)) || { echo "failed in module $$dir" >&2; status=1; }; done; exit $$status

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: check-fmt sdks vet lint check-tidy check-fix alone test bench-once quickstart ## everything CI does

# Two of the vendors' SDKs take gigabytes to compile: one at a time, and before
# anything else compiles them side by side.
.PHONY: sdks
sdks: ## compile the vendors' SDKs, one at a time
	@echo '==> sdks'
	go build -p 1 ./providers/google ./providers/anthropic ./providers/openai
	go build -race -p 1 ./providers/google ./providers/anthropic ./providers/openai

.PHONY: test
test: sdks ## every test of every module, with the race detector
	@echo '==> test'
	go test -race $(TESTFLAGS) work

.PHONY: lint
lint: $(GOLANGCI_LINT) ## golangci-lint in every module
	@echo '==> lint'
	@$(call each,"$(CURDIR)/$(GOLANGCI_LINT)" run ./...)

.PHONY: vet
vet: ## go vet in every module
	@echo '==> vet'
	go vet work

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format the code (gofumpt, imports in groups)
	$(GOLANGCI_LINT) fmt ./...

.PHONY: tidy
tidy: ## go mod tidy in every module
	@$(call each,GOWORK=off go mod tidy)

.PHONY: fix
fix: ## write what go fix suggests, in every module
	go fix work

.PHONY: check-fmt
check-fmt: $(GOFUMPT) ## fail if gofumpt would change a file
	@echo '==> check-fmt'
	@unformatted=$$($(GOFUMPT) -l .); \
	if [ -n "$$unformatted" ]; then echo "$$unformatted"; echo 'not formatted: run make fmt' >&2; exit 1; fi

.PHONY: check-tidy
check-tidy: ## fail if go mod tidy would change a module
	@echo '==> check-tidy'
	@$(call each,GOWORK=off go mod tidy -diff)

.PHONY: check-fix
check-fix: ## fail if go fix would modernize something
	@echo '==> check-fix'
	go fix -diff work

# go.work hides a missing require, so each module is also built by its own
# go.mod, whose replace lines point at the others in this tree. Without -o, a
# module with one command would leave its binary behind.
.PHONY: alone
alone: ## build and vet each module without go.work
	@echo '==> alone'
	@$(call each,GOWORK=off go build -o /dev/null ./... && GOWORK=off go vet ./...)

.PHONY: bench
bench: ## the router's cost beside its peers, as a table of ratios
	cd benchmarks && go run .

.PHONY: bench-once
bench-once: ## each benchmark once, so that none of them rots
	@echo '==> bench-once'
	go test -run '^$$' -bench . -benchtime 1x work

# The go command fuzzes one target of one package at a time.
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (10s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | \
	while IFS=: read -r file func; do \
		name=$${func#func }; echo "==> $$name in $${file%/*}"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$${file%/*}" < /dev/null; \
	done

.PHONY: cover
cover: ## tests with coverage; prints the total, writes .tools/cover.html
	@mkdir -p .tools
	go test $(TESTFLAGS) -coverpkg github.com/gofailover/failover/... -coverprofile .tools/cover.out work
	@go tool cover -html .tools/cover.out -o .tools/cover.html
	@go tool cover -func .tools/cover.out | tail -n 1

# Without go.work, because a user's build has none.
.PHONY: quickstart
quickstart: ## run the first example as a user would
	@echo '==> quickstart'
	GOWORK=off go run ./examples/quickstart

.PHONY: clean
clean: ## remove tools and coverage files
	rm -rf .tools

# GOFLAGS is emptied because flags meant for this tree, such as -mod, are not
# meant for somebody else's program.
$(GOLANGCI_LINT):
	GOFLAGS= GOBIN="$(CURDIR)/$(@D)" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(GOFUMPT):
	GOFLAGS= GOBIN="$(CURDIR)/$(@D)" go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/verify"
)

// ruled is an error that breaks a rule: what is wrong comes first, the rule's name behind.
type ruled struct {
	error
	text string
}

func (r *ruled) Error() string { return r.text }
func (r *ruled) Unwrap() error { return r.error }

// ruleLast words a refusal for people. Devices, logs and metrics name the rule first,
// as machines sort by it.
func ruleLast(err error) error {
	var refused *verify.Error
	var done *ruled
	if !errors.As(err, &refused) || errors.As(err, &done) {
		return err
	}
	text, found := err.Error(), refused.Attack+": "
	if !strings.Contains(text, found) {
		return err
	}
	return &ruled{err, strings.Replace(text, found, "", 1) + " (" + refused.Attack + ")"}
}

// rulesLast does so for what each command of a tree fails with.
func rulesLast(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return ruleLast(run(cmd, args)) }
	}
	for _, sub := range cmd.Commands() {
		rulesLast(sub)
	}
}

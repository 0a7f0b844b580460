package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
)

func newEventsCommand() *cobra.Command {
	var socket, after string
	var kinds []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what happens on a running camswarmd, until interrupted",
		Long: `Prints a line for each event: announcements, the progress of fetches, what is
verified, wants consent, is installed, refused or rolled back, alarms, and
changes of limits. With --json each line is a JSON document with the id by
which --after resumes.`,
		Example: `  camswarm events --socket cam1
  camswarm events --socket cam1 --kind consent --kind alarm --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []control.EventKind
			for _, k := range kinds {
				if control.EventKind(k).Validate() != nil {
					return cli.Choice("kind", k, control.EventKinds())
				}
				list = append(list, control.EventKind(k))
			}
			last, dropped := after, false
			return withNode(socket, func(c *control.Client) error {
				err := c.Events(cmd.Context(), after, list, func(id string, e control.Event) error {
					if id != "" {
						last = id
					}
					dropped = e.Kind == control.EventDropped
					if asJSON {
						return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
							ID string `json:"id"`
							control.Event
						}{id, e})
					}
					_, err := fmt.Fprintln(cmd.OutOrStdout(), eventLine(e))
					return err
				})
				if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
					why := "the node stopped"
					if dropped {
						why = "the node hung up"
					}
					if last != "" {
						why += "; --after " + cli.Line(last) + " goes on"
					}
					return errors.New(why)
				}
				return err
			})
		},
	}
	addSocket(cmd, &socket)
	fl := cmd.Flags()
	fl.StringVar(&after, "after", "", "the id of the event after which to go on")
	fl.StringArrayVar(&kinds, "kind", nil, "only events of this kind; may be repeated")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// eventLine is an event for people.
func eventLine(e control.Event) string {
	s := e.At.Local().Format(time.TimeOnly) + " " + string(e.Kind)
	if e.Sequence > 0 {
		s += fmt.Sprintf(" release %d", e.Sequence)
	}
	if e.Version != "" {
		s += " (" + cli.Line(e.Version) + ")"
	}
	if p := e.Progress; p != nil {
		s += fmt.Sprintf(": %s of %s at %s/s", byteCount(p.Bytes), byteCount(p.TotalBytes), byteCount(p.BytesPerSecond))
	}
	if l := e.Limits; l != nil {
		s += fmt.Sprintf(": serves %s, fetches from %s, up %s, down %s", l.Serves, l.Fetches, rate(l.UploadLimit), rate(l.DownloadLimit))
	}
	if e.Name != "" {
		s += " " + cli.Line(e.Name)
	}
	if e.Message != "" {
		s += ": " + cli.Line(e.Message)
	}
	return s
}

package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"camswarm/node/nearest"
)

// wanted says what a flag of a type takes.
var wanted = map[string]string{
	"int": "a whole number", "int8": "a whole number", "int16": "a whole number", "int32": "a whole number", "int64": "a whole number",
	"uint": "a whole number, 0 or more", "uint8": "a whole number, 0 or more", "uint16": "a whole number, 0 or more",
	"uint32": "a whole number, 0 or more", "uint64": "a whole number, 0 or more",
	"float32": "a number", "float64": "a number",
	"duration": "a duration such as 90s, 5m or 24h",
	"bool":     "true or false",
}

// plainFlagError words an error of flag parsing for people.
func plainFlagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		want, ok := wanted[flag.Value.Type()]
		switch {
		case !ok: // a type that words its own errors
			return Usagef("--%s %q: %w", flag.Name, invalid.GetValue(), errors.Unwrap(invalid))
		case errors.Is(err, strconv.ErrRange):
			return Usagef("--%s %s: the number is too large or too small", flag.Name, invalid.GetValue())
		}
		return Usagef("--%s %q: write %s", flag.Name, invalid.GetValue(), want)
	case errors.As(err, &missing):
		return Usagef("--%s needs a value", missing.GetSpecifiedName())
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		if meant := nearest.To(unknown.GetSpecifiedName(), known); meant != "" {
			return Usagef("unknown flag --%s; did you mean --%s?", unknown.GetSpecifiedName(), meant)
		}
		return Usagef("unknown flag --%s", unknown.GetSpecifiedName())
	}
	return Usage(err)
}

// plainUsage words what cobra finds wrong with a command line.
var plainUsage = []struct {
	pattern *regexp.Regexp
	text    func(m []string) string
}{
	{regexp.MustCompile(`^required flag\(s\) (.*) not set$`), func(m []string) string {
		names := strings.Split(strings.ReplaceAll(m[1], `"`, ""), ", ")
		return list(names) + is(names) + " missing"
	}},
	{regexp.MustCompile(`^unknown command ("[^"]*") for "[^"]*"$`), func(m []string) string {
		if strings.Contains(m[1], "=") {
			return "unexpected argument " + m[1] + ": a flag takes one value; write the flag again before the next, such as --set A=1 --set B=2"
		}
		return "unexpected argument " + m[1]
	}},
	{regexp.MustCompile(`^accepts (\d+) arg\(s\), received (\d+)$`), func(m []string) string {
		return number(m[1], "argument") + " must be given, not " + m[2]
	}},
	{regexp.MustCompile(`^requires at least (\d+) arg\(s\), only received (\d+)$`), func(m []string) string {
		return "at least " + number(m[1], "argument") + " must be given, not " + m[2]
	}},
	{regexp.MustCompile(`^if any flags in the group \[(.*)\] are set they must all be set; missing \[(.*)\]$`), func(m []string) string {
		missing := strings.Fields(m[2])
		return list(strings.Fields(m[1])) + " belong together: " + list(missing) + is(missing) + " missing"
	}},
	{regexp.MustCompile(`^at least one of the flags in the group \[(.*)\] is required$`), func(m []string) string {
		return "one of " + list(strings.Fields(m[1])) + " is needed"
	}},
	{regexp.MustCompile(`^if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set$`), func(m []string) string {
		return list(strings.Fields(m[1])) + " exclude one another"
	}},
}

// plainUsageError words an error that cobra made before a command ran.
func plainUsageError(err error) error {
	for _, p := range plainUsage {
		if m := p.pattern.FindStringSubmatch(err.Error()); m != nil {
			return errors.New(p.text(m))
		}
	}
	return err
}

// list writes "--a, --b and --c".
func list(flags []string) string {
	for i := range flags {
		flags[i] = "--" + flags[i]
	}
	if n := len(flags) - 1; n > 0 {
		return strings.Join(flags[:n], ", ") + " and " + flags[n]
	}
	return strings.Join(flags, "")
}

func is(names []string) string {
	if len(names) == 1 {
		return " is"
	}
	return " are"
}

func number(n, what string) string {
	if n != "1" {
		what += "s"
	}
	return fmt.Sprintf("%s %s", n, what)
}

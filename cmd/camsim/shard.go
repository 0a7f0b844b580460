package main

import (
	"fmt"
	"strconv"
	"strings"

	"camswarm/cmd/internal/cli"
)

// shard reads which part of a sweep is this process's: index of count, from 0.
func shard(flag string, getenv func(string) string) (index, count int, err error) {
	what, total, split := strings.Cut(flag, "/")
	if split {
		if count, err = strconv.Atoi(total); err != nil || count < 1 {
			return 0, 0, cli.Usagef("--shard %q: write I/N with N of 1 or more, or auto/N", flag)
		}
	}
	number := func(name string) (int, bool, error) {
		v := getenv(name)
		if v == "" {
			return 0, false, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, false, fmt.Errorf("%s is %q, not a number", name, v)
		}
		return n, true, nil
	}
	if what != "auto" {
		index, err = strconv.Atoi(what)
		if err != nil || !split || index < 1 || index > count {
			return 0, 0, cli.Usagef("--shard %q: write I/N with I from 1 to N, or auto", flag)
		}
		return index - 1, count, nil
	}
	task, slurm, err := number("SLURM_ARRAY_TASK_ID")
	if err != nil {
		return 0, 0, err
	}
	if slurm {
		least, _, err := number("SLURM_ARRAY_TASK_MIN")
		if err != nil {
			return 0, 0, err
		}
		tasks, ok, err := number("SLURM_ARRAY_TASK_COUNT")
		if err != nil {
			return 0, 0, err
		}
		if !split && !ok {
			return 0, 0, cli.Usagef("SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_COUNT is not; say --shard auto/N")
		}
		if !split {
			count = tasks
		}
		if index = task - least; index < 0 || index >= count {
			return 0, 0, cli.Usagef("task %d of an array from %d is not one of %d parts; number the array without gaps", task, least, count)
		}
		return index, count, nil
	}
	at, indexed, err := number("JOB_COMPLETION_INDEX")
	if err != nil {
		return 0, 0, err
	}
	switch {
	case indexed && !split:
		return 0, 0, cli.Usagef("JOB_COMPLETION_INDEX is set, but nothing says how many there are; say --shard auto/N with the Job's completions")
	case indexed && at >= count:
		return 0, 0, cli.Usagef("JOB_COMPLETION_INDEX is %d, not one of %d parts; give --shard auto/N with the Job's completions", at, count)
	case indexed:
		return at, count, nil
	case split:
		return 0, 0, cli.Usagef("--shard %s: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; write I/N", flag)
	}
	return 0, 1, nil
}

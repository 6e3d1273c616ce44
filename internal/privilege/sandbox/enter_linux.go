//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucspitls/internal/fd"
)

// Enter puts the process into the sandbox of p, with all its threads and those
// to come. It does as much as the kernel can: the error says what is missing,
// in one line, and the process is no worse off than before. Call it once, when
// every file is open and ids are dropped.
func Enter(p Profile, c Check) error {
	// From here to the filter one thread acts, and TSYNC takes what it has for all.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	startPoller()
	time.Local = time.UTC // it would be read from /etc/localtime, for the words of an error
	top := fd.Highest()
	var missing []string
	try := func(without string, err error) {
		if err != nil {
			missing = append(missing, without+" ("+err.Error()+")")
		}
	}
	try("can be traced", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
	try("no limit on core dumps", limit(unix.RLIMIT_CORE, 0))
	var own status = -1
	if c.Untraced {
		var err error
		if own, err = openStatus(ownStatus); err == nil {
			defer own.close()
		}
	}
	var proof *proof
	if c.Proof {
		var err error
		proof, err = newProof()
		defer proof.close()
		try("no proof", err)
		try("not in force", proof.closed())
	}
	set, lockErr := newRuleset()
	// With a proof Landlock comes first: behind the filter nobody can tell it.
	landlockFirst := bySignal || proof != nil
	switch {
	case lockErr != nil || !landlockFirst:
	case bySignal:
		lockErr = signalThreads(set)
	default:
		lockErr = allThreads(set, false)
	}
	if proof != nil && lockErr == nil {
		lockErr = proof.noPath()
	}
	if p != Worker {
		// poll(2) refuses more entries than descriptors are allowed. A tunnel's
		// five are never too many: 0 to 2 and the poller's two are open.
		try("no limit on descriptors", limit(unix.RLIMIT_NOFILE, uint64(top+1)))
	}
	filterErr := seccomp(p)
	if lockErr == nil && !landlockFirst {
		lockErr = allThreads(set, filterErr == nil)
	}
	unix.Close(set)
	try("no Landlock", lockErr)
	try("no seccomp filter", filterErr)
	if own >= 0 {
		if lines, err := own.read(); err == nil && traced(lines) == ErrTraced {
			return ErrTraced
		}
	}
	if proof != nil && missing == nil {
		try("not in force", proof.inForce(c.IDs))
	}
	if missing == nil {
		return nil
	}
	return errors.New(strings.Join(missing, ", "))
}

// startPoller makes the runtime open the descriptors of its poller now. It
// does when the first timer is set, be it one of its own.
func startPoller() { time.AfterFunc(time.Hour, func() {}).Stop() }

func limit(resource int, n uint64) error {
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: n, Max: n})
}

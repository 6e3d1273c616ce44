// Package ticketkeys is s6-tls-ticketkeys: it makes the file of session ticket
// keys, or gives it a new current key. The tunnels read the file at their
// start, the shared process when it has changed, so nobody has to be told. Its
// format is that of package ticketfile.
package ticketkeys

import (
	"crypto/rand"
	"time"

	"ucspitls/internal/diag"
	"ucspitls/internal/entry"
	"ucspitls/internal/lockfile"
	"ucspitls/internal/material/ticketfile"
	"ucspitls/internal/option"
)

const (
	keyLen = 32

	// glance is how long a service sleeps at most: the clock may be set, and
	// the machine may have slept.
	glance = time.Minute
)

// Main is the whole of s6-tls-ticketkeys; words is os.Args. It does not return.
func Main(words []string) {
	entry.NoTraces()
	table := &option.TicketKeys
	version := func() error { return diag.Out(table.Program, " (ucspitls) ", diag.Version, "\n") }
	table.Main(words, version, func(p *diag.Printer, o *option.Values, operands []string) error {
		seconds := func(f option.Field) time.Duration { return time.Duration(o.Number(f)) * time.Second }
		every, ifOlder := seconds(option.Every), seconds(option.IfOlder)
		switch {
		case len(operands) > 1:
			return p.Usage(table.Synopsis())
		case every > 0 && ifOlder > 0:
			return diag.Fail(diag.Usage, "-i and -s can't be used together")
		}
		r := &rotation{Printer: p, path: operands[0], previous: int(o.Number(option.Previous))}
		if every == 0 {
			_, err := r.run(ifOlder)
			return err
		}
		for {
			age, err := r.run(every)
			if err != nil {
				return err
			}
			time.Sleep(min(max(every-age, time.Second), glance))
		}
	})
}

// A rotation gives a file a new current key.
type rotation struct {
	*diag.Printer
	path     string
	previous int // keys to keep
}

// run makes a new key unless the current one is younger than age, which 0
// never is. It gives the age of the key that is then the current one.
func (r *rotation) run(age time.Duration) (time.Duration, error) {
	f, err := open(r.path)
	if err != nil {
		return 0, err
	}
	defer f.close()
	// Mostly nothing is to be done, and that needs no lock.
	keys, old, due, err := r.look(f, age)
	if err != nil || !due {
		return old, err
	}
	ticketfile.Wipe(keys)
	if err := f.acquire(lockfile.Wait{Warn: r.Warning, Pause: pause, Now: time.Now}); err != nil {
		return 0, err
	}
	keys, old, due, err = r.look(f, age) // another one may have done it meanwhile
	if err != nil || !due {
		return old, err
	}
	defer ticketfile.Wipe(keys)
	next := rotated(keys, now(), r.previous)
	defer clear(next[0].Secret)
	if err := f.replace(next); err != nil {
		return 0, err
	}
	r.Info(r.path, ": new key, previous ones kept: ", diag.Int(len(next)-1), ", dropped: ", diag.Int(len(keys)+1-len(next)))
	return 0, nil
}

// look reads the keys. If none is due they are wiped, and old is the current one's age.
func (r *rotation) look(f *file, age time.Duration) (keys []ticketfile.Key, old time.Duration, due bool, err error) {
	if keys, err = f.read(); err != nil || len(keys) == 0 {
		return nil, 0, true, err
	}
	// A key from the future, made when the clock was wrong, must not stay for ever.
	if old = now().Sub(keys[0].Made); old.Abs() >= age {
		return keys, old, true, nil
	}
	ticketfile.Wipe(keys)
	r.Info(r.path, ": the current key is ", seconds(old), " s old, nothing to do")
	return nil, old, false, nil
}

// now is what a key says about when it was made.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func pause(d time.Duration) bool { time.Sleep(d); return true }

// rotated puts a new key in front and leaves out what opens nothing any more.
func rotated(keys []ticketfile.Key, now time.Time, previous int) []ticketfile.Key {
	secret := make([]byte, keyLen)
	rand.Read(secret)
	next := []ticketfile.Key{{Made: now, Secret: secret}}
	replaced := now
	for _, key := range keys {
		if len(next) > previous || now.Sub(replaced) > ticketfile.Lifetime {
			break
		}
		next = append(next, key)
		replaced = key.Made
	}
	return next
}

func seconds(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	return diag.Uint(uint64(d / time.Second))
}

package material

import (
	"strconv"
	"syscall"
	"time"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/material/ticketfile"
	"ucspitls/internal/ucspi"
)

// The file's number and the contract's are one: what makes the file links no
// contract.
var _ = [1]struct{}{}[ticketfile.Lifetime-backend.TicketLifetime]

// ticketKeys reads the file of session ticket keys, if one is named.
func (env environment) ticketKeys(c *backend.ServerConfig, report *Report) error {
	path := env.get(ucspi.TicketKeys)
	if path == "" {
		return nil
	}
	f, err := openFile(ucspi.TicketKeys, path)
	if err != nil {
		return err
	}
	warning, err := f.readableByOthers()
	if err != nil {
		f.close()
		return err
	}
	if warning {
		report.Warnings = append(report.Warnings, f.where+": others than its owner may read or change it (chmod 600)")
	}
	data, err := f.read()
	if err != nil {
		return err
	}
	defer clear(data)
	keys, err := ticketfile.Parse(data)
	switch {
	case err != nil:
		return unusable(f.where, backend.Reason(err.Error()))
	case len(keys) == 0:
		return unusable(f.where, "holds no session ticket key (s6-tls-ticketkeys makes one)")
	}
	newest := keys[0].Made
	for _, key := range keys {
		c.TicketKeys = append(c.TicketKeys, key.Secret)
		if key.Made.After(newest) {
			newest = key.Made
		}
	}
	// All this time the theft of the newest key would have opened recorded sessions.
	if age := time.Since(newest); age > backend.TicketLifetime {
		report.Warnings = append(report.Warnings, f.where+": the newest key is "+strconv.Itoa(int(age/(24*time.Hour)))+" days old (rotate: s6-tls-ticketkeys)")
	}
	return nil
}

// readableByOthers looks at a regular file's mode.
func (f *file) readableByOthers() (bool, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return false, diag.Fail(diag.System, f.where, ": ", diag.Cause(err))
	}
	return st.Mode&syscall.S_IFMT == syscall.S_IFREG && st.Mode&0o066 != 0, nil
}

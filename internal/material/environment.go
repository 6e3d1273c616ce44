package material

import (
	"strings"

	"ucspitls/backend"
	"ucspitls/internal/diag"
	"ucspitls/internal/ucspi"
)

// An environment is a list of NAME=value. Of two with one name the first counts, as for getenv.
type environment []string

// get gives a variable's value; set but empty is the same as unset.
func (env environment) get(name string) string {
	for _, item := range env {
		if len(item) > len(name) && item[len(name)] == '=' && item[:len(name)] == name {
			return item[len(name)+1:]
		}
	}
	return ""
}

// need is get for a variable that must have a value.
func (env environment) need(name string) (string, error) {
	value := env.get(name)
	if value == "" {
		return "", diag.Fail(diag.Usage, name, " not set")
	}
	return value, nil
}

// settings reads the variables that name no file.
func (env environment) settings(c *backend.Common) (err error) {
	c.RequireFIPS = env.get(ucspi.FIPS) == "require"
	if c.MinVersion, err = env.version(ucspi.MinVersion); err != nil {
		return err
	}
	if c.MaxVersion, err = env.version(ucspi.MaxVersion); err != nil {
		return err
	}
	if c.MaxVersion != 0 && c.MinVersion > c.MaxVersion {
		return diag.Fail(diag.Usage, ucspi.MinVersion, " is above ", ucspi.MaxVersion)
	}
	if list := env.get(ucspi.ALPN); list != "" {
		c.ALPN, err = parseALPN(list)
	}
	return err
}

// version gives zero, the backend's default, for a variable without a value.
func (env environment) version(name string) (uint16, error) {
	switch env.get(name) {
	case "":
		return 0, nil
	case "1.2":
		return backend.TLS12, nil
	case "1.3":
		return backend.TLS13, nil
	}
	return 0, diag.Fail(diag.Usage, name, " must be 1.2 or 1.3")
}

// parseALPN splits a comma list of protocol names. A name has 1 to 255 bytes,
// and all of them with their lengths fit into an extension (RFC 7301, 3.1). What
// is agreed on becomes SSL_ALPN, so a name has only what that can have. One that
// begins or ends with a blank is taken for a slip of the pen.
func parseALPN(list string) ([]string, error) {
	var protocols []string
	total := 0
	for name := range strings.SplitSeq(list, ",") {
		switch {
		case name == "":
			return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": empty protocol name")
		case len(name) > 255:
			return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": protocol name over 255 bytes")
		case strings.Trim(name, " \t") != name:
			return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": blanks around ", strings.Trim(name, " \t"))
		}
		for i := range len(name) {
			if !ucspi.IsPrintable(name[i]) {
				return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": ", name, " has a character that is not printable ASCII")
			}
		}
		for _, other := range protocols {
			if other == name {
				return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": ", name, " is listed twice")
			}
		}
		if total += 1 + len(name); total > 1<<16-3 {
			return nil, diag.Fail(diag.Usage, ucspi.ALPN, ": the list is too long")
		}
		protocols = append(protocols, name)
	}
	return protocols, nil
}

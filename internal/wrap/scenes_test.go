//go:build linux && (amd64 || arm64) && !race

package wrap_test

import (
	"fmt"
	"slices"
	"strings"

	"ucspitls/internal/ucspi"
)

// groups are the scenes by what they are about.
func groups() map[string][]scene {
	return map[string][]scene{
		"grammar":     grammar(),
		"usage":       wrongUsage(),
		"texts":       texts(),
		"ids":         ids(),
		"command":     commands(),
		"information": information(),
		"descriptors": descriptors(),
		"environment": environments(),
		"look-up":     lookUps(),
		"process":     processes(),
		"failure":     failures(),
		"shared":      sharedScenes(),
	}
}

// good is the information that a made-up -io sends, and the command for it.
var good = []string{"BLOB=SSL_PROTOCOL=TLSv1.3|SSL_CIPHER=X||", "COMMAND=Y"}

func with(base []string, more ...string) []string { return append(slices.Clone(base), more...) }

// started makes a scene of each line of words, which is its name too.
func started(who string, env []string, lines ...string) (scenes []scene) {
	for _, line := range lines {
		scenes = append(scenes, scene{name: line, who: who, words: strings.Fields(line), env: env})
	}
	return scenes
}

func grammar() []scene {
	all := started("", good,
		"-S show a b", "-s show", "-J show", "-j show", "-sSjJ show", "-SsJj show", "-SJv3 show", "-v2 show", "-v 0 show", "-v3 show -v9", "-v 4294967295 show",
		"-K 5000 show", "-K5000 show", "-K 0 show", "-SK9 show", "-Z show", "-z -Z show", "-JZ -K 5000 -- show", "-- show -S", "show -- -S",
		"--close-notify show", "--no-close-notify show", "--enforce-close-notify show", "--no-enforce-close-notify show", "--handshake-timeout=7 show",
		"--verbosity=3 show", "--keep show", "--keep --no-keep show", "-v2 -v1 show")
	server := started("server", good,
		"-Y show", "-y show", "-yY show", "--client-cert show", "--mandatory-client-cert show", "-k 0 show", "-k1 show", "-k2 show", "-k 4294967295 show",
		"--sni show", "--mandatory-sni show", "--mandatory-sni --sni show", "-k0 --mandatory-sni show", "-k2 --sni show", "--sni-level=1 show")
	client := started("client", good,
		"-Y show", "-y show", "-yY show", "--client-cert show", "--no-client-cert show", "-k example.org show", "-kexample.org show", "-k -x show",
		"--servername=example.org show", "-k x --servername= show", "--verify-cert show", "--no-verify-cert show", "--no-verify-cert --verify-cert show",
		"-6 7 -7 6 show", "-6 9 -7 9 show", "-6 9 show", "-7 9 show", "--read-fd=7 --write-fd=6 show", "-6 99 show", "-7 1073741824 show")
	return slices.Concat(all, server, client)
}

func wrongUsage() []scene {
	all := started("two", good,
		"", "--", "-S", "-!", "-S! show", "--nope show", "--nope=3 show", "--keep=1 show", "--verbosity show", "--=", "---", "--handshake-timeout show",
		"-v x show", "-v", "-v -- show", "-K", "-K -- show", "-vx show", "-v -1 show", "-v 4294967296 show", "-K 99999999999999999999 show", "--verbosity= show", "--handshake-timeout=1s show",
		"-S --nope -v show", "- show")
	all = append(all,
		scene{who: "two", name: "an empty word", words: []string{"", "x"}, env: good},
		scene{who: "two", name: "an empty number", words: []string{"-v", "", "show"}, env: good},
		scene{who: "two", name: "a control character", words: []string{"-\x1b", "show"}, env: good},
		scene{who: "two", name: "not ASCII", words: []string{"--\xff\u202e=x", "show"}, env: good})
	server := started("server", good, "-k x show", "-k", "--sni=1 show", "-6 7 show", "--sni-level show", "--no-verify-cert show",
		"--uid=x show", "--uid= show", "--uid show", "--gid=-1 show", "--gidlist=1,x show", "--gidlist=1, show", "--uid=4294967296 show", "--envuidgid=1 show")
	client := started("client", good, "-6 2 show", "-7 0 show", "-6 x show", "-7 1073741825 show", "-6 7 show", "-6 6 -7 6 show", "--read-fd=2 show", "--sni show", "-k", "--servername show", "--uid=1 show")
	return slices.Concat(all, server, client)
}

func texts() []scene {
	return append(started("", nil, "--help", "--version", "-S --help --nope", "--help --version", "--version -!", "show --help"),
		scene{name: "version without an -io", words: []string{"--version"}, noIO: true})
}

func ids() (scenes []scene) {
	env := with(good, "SHOW=ids")
	for _, line := range []string{"--uid=7 --gid=8 --gidlist=9,10 show", "--uid=7 --gid=8 show", "--uid=54321 show", "--gid=8 show", "--gidlist= show", "--gidlist=5 show",
		"--uid=0 show", "--uid=4294967295 show", "--uid=7 --gid=8 --gidlist= nosuchprogram", "--uid=7 --gid=0 show", "--uid=9 --uid=7 --gid=8 show"} {
		scenes = append(scenes, scene{name: line, who: "server", words: strings.Fields(line), env: env, root: true})
	}
	for _, items := range []string{"UID=7 GID=8 GIDLIST=9,10", "UID=7 GID=8 GIDLIST=", "UID=7 GID=8", "UID=7", "GID=8", "", "UID=x GID=8 GIDLIST=", "UID= GID=8 GIDLIST=", "UID=7 GID=x GIDLIST=", "UID=7 GID=8 GIDLIST=x",
		"UID=7 UID=9 GID=8 GIDLIST=3", "UID=0 GID=0 GIDLIST=0"} {
		scenes = append(scenes, scene{name: "environment " + items, who: "server", words: []string{"--envuidgid", "show"}, env: with(env, strings.Fields(items)...), root: true})
	}
	scenes = append(scenes, scene{name: "environment over options", who: "server", words: strings.Fields("--envuidgid --uid=3 --gid=4 --gidlist=5 show"), env: with(env, "UID=7", "GID=8", "GIDLIST=9"), root: true},
		scene{name: "environment and options", who: "server", words: strings.Fields("--envuidgid --gid=4 --gidlist=5 show"), env: with(env, "UID=7"), root: true},
		scene{name: "not asked for", who: "server", words: []string{"show"}, env: with(env, "UID=7", "GID=8", "GIDLIST=9"), root: true})
	for _, line := range []string{"--uid=7 --gid=8 --gidlist=9 show", "--uid=7 --gid=8 show", "--gid=8 show", "--gidlist= show", "--uid=0 show"} {
		scenes = append(scenes, scene{name: "as a user, " + line, who: "server", words: strings.Fields(line), env: good, user: true})
	}
	return append(scenes, scene{name: "as a user", words: []string{"show"}, env: good, user: true})
}

func commands() (scenes []scene) {
	for _, command := range []string{"", "y", "Y", "Yy", "yy", "n", "nothing of the kind"} {
		name := fmt.Sprintf("command %q", command)
		env := []string{good[0], "COMMAND=" + command}
		scenes = append(scenes, scene{name: name, who: "delayed", words: []string{"show"}, env: env},
			scene{name: name + ", told", who: "delayed", words: []string{"-v2", "show"}, env: with(env, "CODE=98")},
			scene{name: name + ", no -io", who: "delayed", words: []string{"show"}, env: env, noIO: true})
	}
	return scenes
}

func information() (scenes []scene) {
	subject := "SSL_PEER_CERT_SUBJECT=/"
	for name, blob := range map[string]string{
		"nothing": "", "one NUL": "|", "two NULs": "||", "no item": "A", "no NUL": "SSL_ALPN=b", "no end": "SSL_ALPN=b|", "no name": "=b||", "no value": "SSL_ALPN||", "bytes behind the end": "SSL_ALPN=b||x",
		"PATH": "PATH=/x|PATH=BIN||", "a foreign name": "A=b||", "twice": "SSL_ALPN=b|SSL_ALPN=b||", "a control character": "SSL_ALPN=\x1b||", "lower case": "SSL_CIPHER=a||",
		"too long": subject + strings.Repeat("x", ucspi.MaxItem) + "||", "just not too long": subject + strings.Repeat("x", ucspi.MaxItem-len(subject)) + "||", "many items": strings.Repeat("A=b|", 3000) + "|",
	} {
		scenes = append(scenes, scene{name: name, who: "immediate", words: []string{"show"}, env: []string{"BLOB=" + blob, "CODE=98"}})
	}
	for _, code := range []string{"0", "96", "97", "98", "100", "101", "111", "3", "126", "127", "128", "200", "-9", "-15"} {
		scenes = append(scenes, scene{name: "code " + code, who: "immediate", words: []string{"show"}, env: []string{"CODE=" + code}})
	}
	slices.SortFunc(scenes, func(a, b scene) int { return strings.Compare(a.name, b.name) })
	return append(scenes, scene{name: "identity", who: "immediate", words: []string{"show"}, env: []string{"SSL_ALPN=forged", "SSL_CIPHER=forged", "HTTPS=on", "BLOB=SSL_ALPN=b||"}})
}

func descriptors() (scenes []scene) {
	for _, closed := range []string{"0", "1", "2", "0 1", "0 1 2", "6", "7", "6 7"} {
		s := scene{name: "closed " + closed, words: []string{"show"}, env: good, needsEntry: closed < "3"}
		for _, n := range strings.Fields(closed) {
			s.state = append(s.state, "close="+n)
		}
		scenes = append(scenes, s)
	}
	return append(scenes,
		scene{name: "closed 3", words: []string{"show"}, env: good, state: []string{"close=3"}},
		scene{name: "closed 3 and 8", words: []string{"show"}, env: good, state: []string{"close=3", "close=8"}},
		scene{name: "network 6 and 9", who: "client", words: strings.Fields("-6 6 -7 9 show"), env: good},
		scene{name: "the network is a file", who: "server", words: []string{"show"}, env: good, network: "file"})
}

func environments() []scene {
	odd := with(good, "GOMAXPROCS=3", "GOTRACEBACK=all", "CERTFILE=/c", "KEYFILE:a.b=/k", "TLS_UID=7", "SSL_CLIENT_S_DN=forged",
		"HTTPS=on", "SSLREADFD=9", "SSLCTLFD=8", "SSLWRITEFD=7", "UCSPITLS=", "E=", "CERTFILE=/second", "SSL_CERT_FILE=/x", "NOVALUE", "NOVALUE=1", "=", "=x", "X=a=b", "CERTFILEX=1", "TLS_LINGER=5")
	some := make([]string, 900)
	for i := range some {
		some[i] = fmt.Sprintf("SOME%d=%d", i, i)
	}
	var all []string
	for _, v := range ucspi.Variables {
		if v.Name != ucspi.IOD {
			all = append(all, v.Name+"=x")
		}
	}
	many := make([]string, 3000)
	for i := range many {
		many[i] = fmt.Sprintf("MANY%d=%d", i, i)
	}
	return []scene{
		{name: "odd", words: []string{"show"}, env: odd},
		{name: "odd, kept", words: []string{"-Z", "show"}, env: odd},
		{name: "of the runtime", words: []string{"show"}, env: with(good, "GODEBUG=x=1", "GOGC=5", "GOMEMLIMIT=9"), needsEntry: true},
		{name: "every variable", words: []string{"show"}, env: with(good, all...)},
		{name: "every variable, kept", words: []string{"-Z", "show"}, env: with(good, all...)},
		{name: "900 items", words: []string{"show"}, env: with(good, some...)},
		{name: "3000 items", words: []string{"show"}, env: with(good, many...)},
		{name: "one long item", words: []string{"show"}, env: with(good, "LONG="+strings.Repeat("x", 120000))},
		{name: "many words", words: append([]string{"show"}, many...), env: good},
		{name: "a long word", words: []string{"show", strings.Repeat("x", 120000)}, env: good},
		{name: "empty words", words: []string{"show", "", "", "b c"}, env: good},
		{name: "a long server name", who: "client", words: []string{"-k", strings.Repeat("x", 4000), "show"}, env: good},
		{name: "an overlong server name", who: "client", words: []string{"-k", strings.Repeat("x", 20000), "show"}, env: good},
	}
}

func lookUps() (scenes []scene) {
	for _, line := range []string{"nosuchprogram", "/nonexistent/x", "./plain", "./empty", "./directory", "directory", "-- -x", "show/x", "plain", "."} {
		scenes = append(scenes, scene{who: "two", name: line, words: strings.Fields(line), env: good})
	}
	path := func(name, path, prog string) {
		scenes = append(scenes, scene{who: "two", name: name, words: []string{prog}, env: with(good, "PATH="+path)})
	}
	path("PATH of nothing", "/nonexistent", "show")
	path("PATH is empty", "", "show")
	path("PATH has an empty end", "/nonexistent:", "plain")
	path("PATH is no directory", "DIR/plain:BIN", "show")
	path("PATH has a name that can't be executed first", "DIR:BIN", "first")
	path("PATH has one that is no program", "DIR:BIN", "empty")
	path("PATH has a directory first", "DIR:BIN", "directory")
	path("PATH has a long directory", strings.Repeat("/x", 2500), "show")
	return append(scenes,
		scene{who: "two", name: "an empty name", words: []string{"", "x"}, env: good},
		scene{who: "two", name: "no PATH", words: []string{"nosuchprogram"}, env: []string{good[0], "COMMAND="}, state: []string{"unset=PATH"}},
		scene{name: "PATH from the information", who: "immediate", words: []string{"show"}, env: []string{"BLOB=PATH=BIN||", "PATH=/nonexistent"}})
}

func processes() (scenes []scene) {
	report := []string{"/bin/sh", "-c", "(ulimit -Sv; ulimit -Sd; ulimit -Sn; ulimit -Su; grep ^Sig[IB] /proc/self/status) >prog"}
	softlimit := []string{"soft=2:20000000", "soft=3:20000000", "soft=8:4096", "soft=9:20000000", "soft=7:77", "soft=6:5000"}
	supervised := []string{"ignore=3", "ignore=13", "ignore=15", "block=10", "block=15"}
	play := func(name string, state ...string) {
		state = append([]string{"soft=7:200", "soft=6:6000"}, state...) // what the test itself has may be anything
		scenes = append(scenes,
			scene{name: name, words: []string{"show"}, env: good, state: state, needsEntry: true},
			scene{name: name + ", as prog sees it", words: report, env: good, state: state, needsEntry: true})
	}
	play("softlimit", softlimit...)
	play("ignored and blocked signals", supervised...)
	play("both", append(softlimit, supervised...)...)
	play("SIGCHLD ignored", "ignore=17")
	play("SIGHUP and SIGINT ignored", "ignore=1", "ignore=2")
	return append(scenes,
		scene{name: "SIGCHLD ignored, a failure", words: []string{"show"}, env: []string{"CODE=98"}, state: []string{"ignore=17"}, needsEntry: true},
		scene{name: "few descriptors", words: []string{"show"}, env: good, state: []string{"soft=7:12"}, needsEntry: true},
		scene{name: "too few descriptors", words: []string{"show"}, env: good, state: []string{"hard=7:11"}, needsEntry: true})
}

func failures() (scenes []scene) {
	for _, who := range []string{"-S show", "-v2 show", "-v0 show"} {
		scenes = append(scenes, scene{name: "no -io, " + who, words: strings.Fields(who), env: good, noIO: true})
	}
	for i, path := range []string{"/nonexistent/\x1b[2J", "\x7f\n", "a\u202eb\xff", "\u009b", "ü", `\x0A`, "\ns6-tlsserver: info: allow pid 1", strings.Repeat("x", 299) + "\n", strings.Repeat("\n", 60000)} {
		scenes = append(scenes, scene{who: "two", name: fmt.Sprintf("hostile words %d, %.20q", i, path), words: []string{path}, env: good},
			scene{who: "two", name: fmt.Sprintf("hostile option %d, %.20q", i, path), words: []string{"--" + path + "=x", "show"}, env: good})
	}
	for _, fault := range []string{"pipe2:error=EMFILE:when=1", "pipe2:error=ENFILE:when=1", "pipe2:error=ENFILE:when=2",
		"fcntl:error=EINVAL:when=6", "fcntl:error=EINVAL:when=7", "clone:error=EAGAIN:when=1", "clone:error=ENOMEM:when=1"} {
		scenes = append(scenes, scene{name: fault, words: []string{"-S", "show"}, env: good, fault: fault, state: []string{"hard=6:6000", "hard=7:100"}})
	}
	scenes = append(scenes,
		scene{name: "socketpair:error=ENFILE:when=1", who: "delayed", words: []string{"-S", "show"}, env: good, fault: "socketpair:error=ENFILE:when=1"},
		scene{name: "pipe2:error=ENFILE:when=3", who: "immediate", words: []string{"-S", "show"}, env: good, fault: "pipe2:error=ENFILE:when=3"})
	return scenes
}

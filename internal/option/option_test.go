package option

import (
	"reflect"
	"strings"
	"testing"

	"ucspitls/internal/diag"
)

var tables = []*Table{&UCSPITLSD, &TLSD, &UCSPITLSC, &TLSC, &TLSDIO, &TLSCIO}

func find(t *Table, name string) *Option {
	for _, group := range t.Groups {
		for i := range group {
			if group[i].Long == name {
				return &group[i]
			}
		}
	}
	return nil
}

// Numbers with commas between them.
func TestLists(t *testing.T) {
	for s, want := range map[string][]uint32{"": nil, "1": {1}, "1,2": {1, 2}, "0,4294967294": {0, 1<<32 - 2}, "4294967295": nil, ",": nil, "1,": nil, ",1": nil, "1,x": nil, "4294967296": nil} {
		if IsList(s) != (want != nil) || want != nil && !reflect.DeepEqual(Numbers(s), want) {
			t.Errorf("%q: %v, %v", s, IsList(s), Numbers(s))
		}
	}
}

func TestGrammar(t *testing.T) {
	tests := []struct {
		table *Table
		words string // separated by blanks; _ is an empty word
		rest  string
		want  func(*Values) bool
		fail  string
	}{
		{&TLSD, "prog -S", "prog -S", func(s *Values) bool { return !s.Is(CloseNotify) }, ""},
		{&TLSD, "-S -- -J", "-J", func(s *Values) bool { return s.Is(CloseNotify) && !s.Is(Enforce) }, ""},
		{&TLSD, "- -S", "- -S", func(s *Values) bool { return !s.Is(CloseNotify) }, ""},
		{&TLSD, "_ -S", "_ -S", func(s *Values) bool { return !s.Is(CloseNotify) }, ""},
		{&TLSD, "-SJ prog", "prog", func(s *Values) bool { return s.Is(CloseNotify) && s.Is(Enforce) }, ""},
		{&TLSD, "-SK300 prog", "prog", func(s *Values) bool { return s.Is(CloseNotify) && s.Number(Timeout) == 300 }, ""},
		{&TLSD, "-SK 300 prog", "prog", func(s *Values) bool { return s.Number(Timeout) == 300 }, ""},
		{&TLSD, "-S -s -S -s prog", "prog", func(s *Values) bool { return !s.Is(CloseNotify) }, ""},
		{&TLSD, "--close-notify --handshake-timeout=7 prog", "prog", func(s *Values) bool { return s.Is(CloseNotify) && s.Number(Timeout) == 7 }, ""},
		{&TLSD, "-Y -y prog", "prog", func(s *Values) bool { return s.Number(ClientCert) == ClientCertMandatory }, ""},
		{&TLSD, "-y -Y prog", "prog", func(s *Values) bool { return s.Number(ClientCert) == ClientCertOptional }, ""},
		{&TLSC, "-y -Y prog", "prog", func(s *Values) bool { return !s.Is(SendCert) }, ""},
		{&TLSD, "--sni prog", "prog", func(s *Values) bool { return s.SNI() == SNIOn }, ""},
		{&TLSD, "--mandatory-sni --sni prog", "prog", func(s *Values) bool { return s.SNI() == SNIOn }, ""},
		{&TLSD, "-k 0 --mandatory-sni prog", "prog", func(s *Values) bool { return s.SNI() == SNIOff }, ""},
		{&TLSD, "--mandatory-sni -k1 prog", "prog", func(s *Values) bool { return s.SNI() == SNIOn }, ""},
		{&TLSD, "-k 7 prog", "prog", func(s *Values) bool { return s.SNI() == SNIMandatory }, ""},
		{&TLSC, "-k name -6 8 -7 9 prog", "prog", func(s *Values) bool {
			return s.Text(ServerName) == "name" && s.Number(ReadFD) == 8 && s.Number(WriteFD) == 9
		}, ""},
		{&TLSC, "-k= prog", "prog", func(s *Values) bool { return s.Text(ServerName) == "=" }, ""},
		{&TLSC, "--servername= prog", "prog", func(s *Values) bool { return s.Text(ServerName) == "" }, ""},
		{&TLSDIO, "-d 8 -v2 3 4", "3 4", func(s *Values) bool { return s.Number(NotifyFD) == 8 && s.Number(Verbosity) == 2 }, ""},
		{&TLSD, "--help --nope", "", func(s *Values) bool { return s.Number(Show) == ShowHelp }, ""},
		{&TLSD, "-S --version", "", func(s *Values) bool { return s.Number(Show) == ShowVersion }, ""},
		{&TLSD, "--uid=1 --gid=2 --gidlist=3,4 prog", "prog", func(s *Values) bool {
			return s.Number(DropUID) == 1 && s.Number(DropGID) == 2 && s.Text(DropGroups) == "3,4"
		}, ""},

		{&TLSD, "-! prog", "", nil, "unrecognized short option: !"},
		{&TLSD, "-S! prog", "", nil, "unrecognized short option: !"},
		{&TLSD, "--nope prog", "", nil, "unrecognized boolean option: --nope"},
		{&TLSD, "--nope=3 prog", "", nil, "unrecognized option with argument: --nope=3"},
		{&TLSD, "--close-notify=1 prog", "", nil, "unrecognized option with argument: --close-notify=1"},
		{&TLSD, "--close-not prog", "", nil, "unrecognized boolean option: --close-not"},
		{&TLSD, "--=x prog", "", nil, "invalid option: --=x"},
		{&TLSD, "--verbosity 2 prog", "", nil, "option --verbosity needs an argument: --verbosity=verbosity"},
		{&TLSD, "-K -- prog", "", nil, "option -K needs an argument: timeout"},
		{&TLSD, "-K", "", nil, "option -K needs an argument: timeout"},
		{&TLSD, "-v abc prog", "", nil, "verbosity must be an unsigned integer"},
		{&TLSD, "-v -1 prog", "", nil, "verbosity must be an unsigned integer"},
		{&TLSD, "-K +5 prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "-K 0x10 prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "-K 1.5 prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "--handshake-timeout= prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "-K 4294967296 prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "-K 99999999999999999999999 prog", "", nil, "handshake-timeout must be an unsigned integer"},
		{&TLSD, "-k x prog", "", nil, "sni-level must be an unsigned integer"},
		{&TLSDIO, "-d x 3 4", "", nil, "notification-fd must be an unsigned integer"},
		{&TLSC, "-6 2 prog", "", nil, "read-fd must be an unsigned integer (3 or more)"},
		{&TLSC, "-7 abc prog", "", nil, "write-fd must be an unsigned integer (3 or more)"},
		{&TLSC, "-6 8 -7 8 prog", "", nil, "read-fd and write-fd must be different"},
		{&TLSD, "--gidlist=1,x prog", "", nil, "gidlist must be a comma list of unsigned integers"},
		{&TLSDIO, "-Z 3 4", "", nil, "unrecognized short option: Z"},
		{&TLSC, "--sni prog", "", nil, "unrecognized boolean option: --sni"},
		{&TLSD, "--no-verify-cert prog", "", nil, "unrecognized boolean option: --no-verify-cert"},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.words)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "_", "")
		}
		s, rest, err := tt.table.Parse(words)
		if tt.fail != "" {
			e, ok := err.(*diag.Error)
			if !ok || e.Code != diag.Usage || e.Text != tt.fail {
				t.Errorf("%s %s: %v, want %q", tt.table.Program, tt.words, err, tt.fail)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", tt.table.Program, tt.words, err)
			continue
		}
		if got := strings.Join(rest, " "); got != strings.ReplaceAll(tt.rest, "_", "") || !tt.want(s) {
			t.Errorf("%s %s: rest %q, settings %+v", tt.table.Program, tt.words, got, s)
		}
	}
}

// The usage lines are the original's, as measured, but that of the -io tools
// for their operands.
func TestSynopsis(t *testing.T) {
	want := map[string]string{
		"s6-tlsd":      "s6-tlsd [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ] [ -K timeout ] [ -Z | -z ] prog...",
		"s6-ucspitlsd": "s6-ucspitlsd [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ] [ -K timeout ] [ -Z | -z ] prog...",
		"s6-tlsc":      "s6-tlsc [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ] [ -k servername ] [ -Z | -z ] [ -6 fdr ] [ -7 fdw ] prog...",
		"s6-ucspitlsc": "s6-ucspitlsc [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ] [ -Z | -z ] [ -k servername ] [ -6 fdr ] [ -7 fdw ] prog...",
		"s6-tlsd-io":   "s6-tlsd-io [ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] [ -k snilevel ] fdr fdw",
		"s6-tlsc-io":   "s6-tlsc-io [ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] [ -k servername ] fdr fdw",
	}
	for _, table := range tables {
		if got := table.Synopsis(); got != want[table.Program] {
			t.Errorf("%s:\n got %s\nwant %s", table.Program, got, want[table.Program])
		}
	}
}

// TestTables: no option stands twice, each has a help text.
func TestTables(t *testing.T) {
	for _, table := range append(tables, &TLSServer, &TLSClient, &TLSDIOD, &TicketKeys) {
		seen := map[string]bool{}
		for _, group := range table.Groups {
			for _, o := range group {
				if o.Long == "" || o.Help == "" {
					t.Errorf("%s: option %+v is not complete", table.Program, o)
				}
				if o.Rule.To < 0 || o.Rule.To >= Fields || (o.Rule.Value == Argument) != (o.Arg != "") {
					t.Errorf("%s: --%s has the rule %+v", table.Program, o.Long, o.Rule)
				}
				for _, name := range []string{string(rune(o.Short)), o.Long} {
					if seen[name] && name != "\x00" {
						t.Errorf("%s: %q stands twice", table.Program, name)
					}
					seen[name] = true
				}
			}
		}
	}
}

// TestIO: what a wrapper tells its -io is understood there, and nothing is lost.
func TestIO(t *testing.T) {
	for _, words := range []string{
		"", "-S", "-J -v 2 -K 5000", "-Y", "-y --sni", "-k 2", "-S -J -y -K 1 --mandatory-sni -v0",
	} {
		s, _, err := TLSD.Parse(append(strings.Fields(words), "prog"))
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := TLSDIO.Parse(append(s.ServerIO(), "3", "4"))
		if err != nil || len(rest) != 2 {
			t.Fatalf("%q: %v", s.ServerIO(), err)
		}
		if got.SNI() != s.SNI() || got.Is(CloseNotify) != s.Is(CloseNotify) || got.Is(Enforce) != s.Is(Enforce) ||
			got.Number(ClientCert) != s.Number(ClientCert) || got.Number(Timeout) != s.Number(Timeout) || got.Number(Verbosity) != s.Number(Verbosity) {
			t.Errorf("%q became %q", words, s.ServerIO())
		}
	}
	for _, words := range []string{"", "-S -y --no-verify-cert -k -x", "-k host -K 7 -v3 -J"} {
		s, _, err := TLSC.Parse(append(strings.Fields(words), "prog"))
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := TLSCIO.Parse(append(s.ClientIO(), "6", "7"))
		if err != nil || len(rest) != 2 {
			t.Fatalf("%q: %v", s.ClientIO(), err)
		}
		if got.Text(ServerName) != s.Text(ServerName) || got.Is(SendCert) != s.Is(SendCert) || got.Is(NoVerifyCert) != s.Is(NoVerifyCert) ||
			got.Is(CloseNotify) != s.Is(CloseNotify) || got.Is(Enforce) != s.Is(Enforce) || got.Number(Timeout) != s.Number(Timeout) || got.Number(Verbosity) != s.Number(Verbosity) {
			t.Errorf("%q became %q", words, s.ClientIO())
		}
	}
	if s, _, _ := TLSD.Parse([]string{"prog"}); len(s.ServerIO()) != 0 {
		t.Errorf("defaults are told: %q", s.ServerIO())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(0, "-SK300\nprog")
	f.Add(3, "-6\n8\n--servername=x\n--\nprog")
	f.Add(4, "-d8\n3\n4")
	f.Fuzz(func(t *testing.T, n int, line string) {
		table := tables[uint(n)%uint(len(tables))]
		words := strings.Split(line, "\n")
		s, rest, err := table.Parse(words)
		if err != nil {
			if e, ok := err.(*diag.Error); !ok || e.Code != diag.Usage || e.Text == "" {
				t.Fatalf("%q: %v", words, err)
			}
			return
		}
		if s.Number(Show) == ShowNothing && len(rest) > 0 && !reflect.DeepEqual(rest, words[len(words)-len(rest):]) {
			t.Fatalf("%q: operands %q are not the end of the line", words, rest)
		}
	})
}

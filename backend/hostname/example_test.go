package hostname_test

import (
	"fmt"

	"ucspitls/backend/hostname"
)

func ExampleValid() {
	for _, name := range []string{"mail.example.org", "mail.example.org.", "192.0.2.1", "-rf", "_smtp.example.org"} {
		fmt.Println(name, hostname.Valid(name))
	}
	// Output:
	// mail.example.org true
	// mail.example.org. false
	// 192.0.2.1 false
	// -rf false
	// _smtp.example.org false
}

func ExampleInUse() {
	fmt.Println(hostname.InUse("_smtp.example.org"), hostname.InUse("192.0.2.1"))
	// Output: true false
}

func ExampleLower() {
	fmt.Println(hostname.Lower("MAIL.Example.ORG"))
	// Output: mail.example.org
}

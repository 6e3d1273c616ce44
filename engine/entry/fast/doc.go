// Package fast: draft.
package fast

//go:build race

package tunnel

func init() { every = 11 } // the detector makes each run ten times as slow

package tunnel

// The ends of a tunnel. No operation on them blocks; backend.ErrAgain says
// that nothing can be done now. Other errors are the system's.

// A Network is the peer's connection.
type Network interface {
	// Read gives io.EOF once the peer's FIN is reached.
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	// CloseWrite sends our FIN behind everything that was written.
	CloseWrite() error
	// Unacked is how many bytes, our FIN counted as one, the peer's system has
	// not acknowledged; 0 where the system can't tell. The error is one that
	// the connection met since the last call, such as a reset.
	Unacked() (int, error)
}

// An In is where prog's output is read.
type In interface {
	Read(p []byte) (int, error) // io.EOF: prog closed its end and everything was read
	Close()
}

// An Out is where prog's input, or the information blob, is written.
type Out interface {
	Write(p []byte) (int, error)
	Close()
}

// Events say what an end can do, or what the tunnel waits for.
type Events uint16

const (
	NetIn     Events = 1 << iota // the network can be read
	NetOut                       // the network can be written
	LocalIn                      // prog's output can be read
	LocalOut                     // prog's input can be written
	NotifyOut                    // the information can be written
	InHangup                     // nobody is left who could write prog's output
	OutHangup                    // nobody is left who could read prog's input
	Control                      // for tasks of a Loop: one more descriptor can be read
)

// ready is what Step believes can be tried.
const readyMask = NetIn | NetOut | LocalIn | LocalOut | NotifyOut

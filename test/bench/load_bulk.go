package main

import (
	"io"
	"time"
)

// download takes what prog sends.
func download(b *bench, t *target) (*work, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	begin := time.Now()
	n, err := io.CopyBuffer(io.Discard, io.LimitReader(c, b.bulk()), make([]byte, 64<<10))
	took := time.Since(begin)
	if err == nil && n < b.bulk() {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = expectEnd(c)
	}
	return b.moved(took), err
}

// upload sends what prog reads, until prog says that it has it all.
func upload(b *bench, t *target) (*work, error) {
	c, err := t.connect()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	block := make([]byte, 64<<10)
	begin := time.Now()
	for left := b.bulk(); left > 0; left -= int64(len(block)) {
		if _, err := c.Write(block); err != nil {
			return nil, err
		}
	}
	err = expect(c, "ok\n")
	return b.moved(time.Since(begin)), err
}

func (b *bench) moved(took time.Duration) *work {
	return &work{
		figures: sample{bulkRate: float64(b.mebibytes) / took.Seconds()},
		cpu:     bulkCPU, units: float64(b.bulk()) / (1 << 30), unit: time.Second,
	}
}

//go:build fastentry

#include "textflag.h"

#define SYS_clone 220

// The program starts here, as wrap.go tells. R0 and R1 are the first
// arguments of a Go function and g is R28. A Go function keeps RSP and g, a
// system call all but R0. Of what the kernel passes RSP and R0 mean something;
// R0 waits on the stack.
TEXT ucspitls_fast(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	RSP, R1
	SUB	$16, RSP
	MOVD	R0, 0(RSP)
	MOVD	$main·program(SB), R0
	MOVD	$·noG(SB), g
	MOVD	·startFunc(SB), R26
	MOVD	(R26), R2
	CALL	(R2) // start(program, RSP)
	CBZ	R0, text

clone:
	MOVD	$0, R1 // clone(flags, the same stack, nothing else)
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	MOVD	$SYS_clone, R8
	SVC
	CBZ	R0, child
	MOVD	·parentFunc(SB), R26
	MOVD	(R26), R2
	CALL	(R2) // parent(pid), which returns for another attempt
	B	clone
child:
	MOVD	·childFunc(SB), R26
	MOVD	(R26), R2
	CALL	(R2) // child(), which does not return
	BRK
text:
	MOVD	0(RSP), R0
	ADD	$16, RSP
	B	ucspitls_brief(SB)

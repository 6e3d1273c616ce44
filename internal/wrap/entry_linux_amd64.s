//go:build fastentry

#include "textflag.h"

#define SYS_clone 56

// The program starts here, as wrap.go tells. AX, BX and CX are the first
// arguments of a Go function, R14 is its g and X15 is 0 for it. A Go function
// keeps SP, R14 and X15, a system call all but AX, CX and R11. Of what the
// kernel passes SP and DX mean something; DX waits on the stack.
TEXT ucspitls_fast(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	SP, BX
	PUSHQ	DX
	LEAQ	main·program(SB), AX
	LEAQ	·noG(SB), R14
	XORPS	X15, X15
	MOVQ	·startFunc(SB), DX
	MOVQ	(DX), R11
	CALL	R11 // start(program, SP)
	TESTQ	AX, AX
	JZ	text

clone:
	MOVQ	AX, DI // clone(flags, the same stack, nothing else)
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	MOVQ	·parentFunc(SB), DX
	MOVQ	(DX), R11
	CALL	R11 // parent(pid), which returns for another attempt
	JMP	clone
child:
	MOVQ	·childFunc(SB), DX
	MOVQ	(DX), R11
	CALL	R11 // child(), which does not return
	INT	$3
text:
	POPQ	DX
	JMP	ucspitls_brief(SB)

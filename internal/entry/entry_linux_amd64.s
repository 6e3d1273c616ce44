#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigaction   13
#define SYS_rt_sigprocmask 14
#define SYS_fcntl          72
#define SYS_prctl          157
#define SYS_prlimit64      302
#define SIG_IGN            1
#define F_GETFD            1
#define PR_SET_DUMPABLE    4
#define PR_SET_TIMERSLACK  29
#define PR_GET_TIMERSLACK  30

// A program that lives for one connection starts here.
TEXT ucspitls_brief(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$1, ·record+recording_brief(SB)
	JMP	ucspitls_hidden(SB)

// A program that will hold secrets starts here: nobody with its ids may trace
// it from now on, unless the environment has TLS_SANDBOX=off. R12 goes through
// it, behind argc and argv. The name is compared first: behind a shorter string
// there may be no memory.
TEXT ucspitls_hidden(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	0(SP), AX
	LEAQ	16(SP)(AX*8), R12
	MOVQ	$const_sandboxName, R13
	MOVQ	$const_sandboxOff, R14
setting:
	MOVQ	(R12), AX
	TESTQ	AX, AX
	JEQ	hide
	ADDQ	$8, R12
	CMPQ	R13, (AX)
	JNE	setting
	CMPQ	R14, 8(AX)
	JNE	setting
	JMP	ucspitls_entry(SB)
hide:
	MOVL	$PR_SET_DUMPABLE, DI
	XORL	SI, SI
	MOVL	$SYS_prctl, AX
	SYSCALL
	JMP	ucspitls_entry(SB)

// The program starts here, before the Go runtime: no g, no stack bound, no
// heap. It therefore uses no stack at all and writes to record and scratch
// only, which lie in BSS. A system call changes AX, CX and R11; of what the
// kernel passes, SP and DX mean something (System V ABI, 3.4.1): SP is not
// touched, DX waits in R15.
TEXT ucspitls_entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	DX, R15
	MOVQ	8(SP), AX
	MOVQ	AX, ·record+recording_name(SB)

	// Signals 64 to 1: rt_sigaction(R12, NULL, scratch, 8). Each result is
	// shifted into R13, so that signal n ends up in bit n-1.
	XORL	R13, R13
	MOVL	$64, R12
signal:
	MOVL	R12, DI
	XORL	SI, SI
	LEAQ	·scratch(SB), DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigaction, AX
	SYSCALL
	SHLQ	$1, R13
	CMPQ	·scratch(SB), $SIG_IGN
	JNE	handled
	ORQ	$1, R13
handled:
	DECL	R12
	JNZ	signal
	MOVQ	R13, ·record+recording_ignored(SB)

	// rt_sigprocmask(SIG_BLOCK, NULL, &record.blocked, 8)
	XORL	DI, DI
	XORL	SI, SI
	LEAQ	·record+recording_blocked(SB), DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigprocmask, AX
	SYSCALL

	// Descriptors 2 to 0: fcntl(R12, F_GETFD) fails for a closed one.
	XORL	R13, R13
	MOVL	$2, R12
descriptor:
	MOVL	R12, DI
	MOVL	$F_GETFD, SI
	MOVL	$SYS_fcntl, AX
	SYSCALL
	SHLQ	$1, R13
	TESTQ	AX, AX
	JLT	closed
	ORQ	$1, R13
closed:
	DECL	R12
	JGE	descriptor
	MOVQ	R13, ·record+recording_open(SB)

	// Limits: prlimit64(0, resources[R12], NULL, R13), R13 = &record.limits[R12].
	XORL	R12, R12
	LEAQ	·record+recording_limits(SB), R13
	LEAQ	·resources(SB), R14
limit:
	XORL	DI, DI
	MOVQ	(R14)(R12*8), SI
	XORL	DX, DX
	MOVQ	R13, R10
	MOVL	$SYS_prlimit64, AX
	SYSCALL
	CMPQ	R12, $const_lifted
	JGE	next
	// The first ones are lifted: prlimit64(0, resource, {hard, hard}, NULL).
	MOVQ	rlimit_max(R13), AX
	MOVQ	AX, ·scratch+rlimit_cur(SB)
	MOVQ	AX, ·scratch+rlimit_max(SB)
	LEAQ	·scratch(SB), DX
	XORL	R10, R10
	MOVL	$SYS_prlimit64, AX
	SYSCALL
next:
	ADDQ	$rlimit__size, R13
	INCQ	R12
	CMPQ	R12, $const_recorded
	JLT	limit

	CMPQ	·record+recording_brief(SB), $0
	JEQ	start

	// record.slack = prctl(PR_GET_TIMERSLACK); prctl(PR_SET_TIMERSLACK, slack)
	MOVL	$PR_GET_TIMERSLACK, DI
	MOVL	$SYS_prctl, AX
	SYSCALL
	MOVQ	AX, ·record+recording_slack(SB)
	MOVL	$PR_SET_TIMERSLACK, DI
	MOVL	$const_slack, SI
	MOVL	$SYS_prctl, AX
	SYSCALL

	// prlimit64(0, RLIMIT_NOFILE, {0, hard}, NULL), but for a runtime that has
	// to open /dev/null.
	CMPQ	·record+recording_open(SB), $7
	JNE	start
	// Nor for one that GOGC, GOMEMLIMIT or GODEBUG may have open its poller
	// before main: R12 goes through the environment, behind argc and argv.
	MOVQ	0(SP), AX
	LEAQ	16(SP)(AX*8), R12
variable:
	MOVQ	(R12), AX
	TESTQ	AX, AX
	JEQ	lower
	MOVL	(AX), AX
	CMPL	AX, $const_nameGOGC
	JEQ	start
	CMPL	AX, $const_nameGOME
	JEQ	start
	CMPL	AX, $const_nameGODE
	JEQ	start
	ADDQ	$8, R12
	JMP	variable
lower:
	MOVQ	$0, ·scratch+rlimit_cur(SB)
	MOVQ	·record+recording_limits+(const_recorded-1)*rlimit__size+rlimit_max(SB), AX
	MOVQ	AX, ·scratch+rlimit_max(SB)
	XORL	DI, DI
	MOVQ	·resources+(const_recorded-1)*8(SB), SI
	LEAQ	·scratch(SB), DX
	XORL	R10, R10
	MOVL	$SYS_prlimit64, AX
	SYSCALL
start:
	MOVQ	$1, ·record+recording_present(SB)
	MOVQ	R15, DX
	JMP	_rt0_amd64_linux(SB)

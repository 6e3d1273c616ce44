#include "go_asm.h"
#include "textflag.h"

#define SYS_fcntl          25
#define SYS_rt_sigaction   134
#define SYS_rt_sigprocmask 135
#define SYS_prctl          167
#define SYS_prlimit64      261
#define SIG_IGN            1
#define F_GETFD            1
#define PR_SET_DUMPABLE    4
#define PR_SET_TIMERSLACK  29
#define PR_GET_TIMERSLACK  30

// A program that lives for one connection starts here.
TEXT ucspitls_brief(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	$1, R4
	MOVD	R4, ·record+recording_brief(SB)
	B	ucspitls_hidden(SB)

// A program that will hold secrets starts here: nobody with its ids may trace
// it from now on, unless the environment has TLS_SANDBOX=off. R5 goes through
// it, behind argc and argv. The name is compared first: behind a shorter string
// there may be no memory.
TEXT ucspitls_hidden(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	R0, R19
	MOVD	0(RSP), R4
	ADD	$16, RSP, R5
	ADD	R4<<3, R5, R5
	MOVD	$const_sandboxName, R9
	MOVD	$const_sandboxOff, R10
setting:
	MOVD	(R5), R4
	CBZ	R4, hide
	ADD	$8, R5
	MOVD	(R4), R6
	CMP	R9, R6
	BNE	setting
	MOVD	8(R4), R6
	CMP	R10, R6
	BNE	setting
	B	ucspitls_entry(SB)
hide:
	MOVD	$PR_SET_DUMPABLE, R0
	MOVD	$0, R1
	MOVD	$SYS_prctl, R8
	SVC
	MOVD	R19, R0
	B	ucspitls_entry(SB)

// The program starts here, before the Go runtime: no g, no stack bound, no
// heap. It therefore uses no stack at all and writes to record and scratch
// only, which lie in BSS. A system call changes R0; of what the kernel
// passes, RSP and R0 mean something: RSP is not touched, R0 waits in R19.
TEXT ucspitls_entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	R0, R19
	MOVD	8(RSP), R4
	MOVD	R4, ·record+recording_name(SB)

	// Signals 64 to 1: rt_sigaction(R20, NULL, scratch, 8). Each result is
	// shifted into R21, so that signal n ends up in bit n-1.
	MOVD	$0, R21
	MOVD	$64, R20
signal:
	MOVD	R20, R0
	MOVD	$0, R1
	MOVD	$·scratch(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigaction, R8
	SVC
	MOVD	·scratch(SB), R4
	CMP	$SIG_IGN, R4
	CSET	EQ, R4
	ORR	R21<<1, R4, R21
	SUB	$1, R20
	CBNZ	R20, signal
	MOVD	R21, ·record+recording_ignored(SB)

	// rt_sigprocmask(SIG_BLOCK, NULL, &record.blocked, 8)
	MOVD	$0, R0
	MOVD	$0, R1
	MOVD	$·record+recording_blocked(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC

	// Descriptors 2 to 0: fcntl(R20, F_GETFD) fails for a closed one.
	MOVD	$0, R21
	MOVD	$2, R20
descriptor:
	MOVD	R20, R0
	MOVD	$F_GETFD, R1
	MOVD	$SYS_fcntl, R8
	SVC
	CMP	$0, R0
	CSET	GE, R4
	ORR	R21<<1, R4, R21
	SUBS	$1, R20
	BGE	descriptor
	MOVD	R21, ·record+recording_open(SB)

	// Limits: prlimit64(0, resources[R20], NULL, R21), R21 = &record.limits[R20].
	MOVD	$0, R20
	MOVD	$·record+recording_limits(SB), R21
	MOVD	$·resources(SB), R22
limit:
	MOVD	$0, R0
	MOVD	(R22)(R20<<3), R1
	MOVD	$0, R2
	MOVD	R21, R3
	MOVD	$SYS_prlimit64, R8
	SVC
	CMP	$const_lifted, R20
	BGE	next
	// The first ones are lifted: prlimit64(0, resource, {hard, hard}, NULL).
	MOVD	rlimit_max(R21), R4
	MOVD	R4, ·scratch+rlimit_cur(SB)
	MOVD	R4, ·scratch+rlimit_max(SB)
	MOVD	$0, R0
	MOVD	$·scratch(SB), R2
	MOVD	$0, R3
	SVC
next:
	ADD	$rlimit__size, R21
	ADD	$1, R20
	CMP	$const_recorded, R20
	BLT	limit

	MOVD	·record+recording_brief(SB), R4
	CBZ	R4, start

	// record.slack = prctl(PR_GET_TIMERSLACK); prctl(PR_SET_TIMERSLACK, slack)
	MOVD	$PR_GET_TIMERSLACK, R0
	MOVD	$SYS_prctl, R8
	SVC
	MOVD	R0, ·record+recording_slack(SB)
	MOVD	$PR_SET_TIMERSLACK, R0
	MOVD	$const_slack, R1
	SVC

	// prlimit64(0, RLIMIT_NOFILE, {0, hard}, NULL), but for a runtime that has
	// to open /dev/null. R21 is behind the last of record.limits, R22 is resources.
	MOVD	·record+recording_open(SB), R4
	CMP	$7, R4
	BNE	start
	// Nor for one that GOGC, GOMEMLIMIT or GODEBUG may have open its poller
	// before main: R5 goes through the environment, behind argc and argv.
	MOVD	0(RSP), R4
	ADD	$16, RSP, R5
	ADD	R4<<3, R5, R5
	MOVD	$const_nameGOGC, R9
	MOVD	$const_nameGOME, R10
	MOVD	$const_nameGODE, R11
variable:
	MOVD	(R5), R4
	CBZ	R4, lower
	MOVWU	(R4), R4
	CMPW	R9, R4
	BEQ	start
	CMPW	R10, R4
	BEQ	start
	CMPW	R11, R4
	BEQ	start
	ADD	$8, R5
	B	variable
lower:
	MOVD	ZR, ·scratch+rlimit_cur(SB)
	MOVD	(rlimit_max-rlimit__size)(R21), R4
	MOVD	R4, ·scratch+rlimit_max(SB)
	MOVD	$0, R0
	MOVD	((const_recorded-1)*8)(R22), R1
	MOVD	$·scratch(SB), R2
	MOVD	$0, R3
	MOVD	$SYS_prlimit64, R8
	SVC
start:
	MOVD	$1, R4
	MOVD	R4, ·record+recording_present(SB)
	MOVD	R19, R0
	B	_rt0_arm64_linux(SB)

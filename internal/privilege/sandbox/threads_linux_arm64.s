#include "textflag.h"

#define SYS_prctl                  167
#define SYS_futex                  98
#define SYS_landlock_restrict_self 446
#define PR_SET_NO_NEW_PRIVS        38
#define FUTEX_WAKE_PRIVATE         129

// onSignal is a signal handler as the kernel calls it, on whatever thread and
// stack: it knows nothing of Go and changes two words of memory only. The
// kernel puts every register back when it returns, through its own trampoline.
TEXT ·onSignal(SB),NOSPLIT|NOFRAME,$0
	MOVD	$SYS_prctl, R8
	MOVD	$PR_SET_NO_NEW_PRIVS, R0
	MOVD	$1, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	SVC
	CBNZ	R0, done
	MOVD	$SYS_landlock_restrict_self, R8
	MOVW	·ruleset(SB), R0
	MOVD	$0, R1
	SVC
done:
	MOVD	$·answer(SB), R9
	MOVW	R0, (R9)
	MOVD	$·answers(SB), R9
more:
	LDAXRW	(R9), R10
	ADDW	$1, R10
	STLXRW	R10, (R9), R11
	CBNZW	R11, more
	MOVD	$SYS_futex, R8
	MOVD	R9, R0
	MOVD	$FUTEX_WAKE_PRIVATE, R1
	MOVD	$1, R2
	SVC
	RET

// func handlers() (handler, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-16
	MOVD	$·onSignal(SB), R0
	MOVD	R0, handler+0(FP)
	MOVD	ZR, restorer+8(FP)
	RET

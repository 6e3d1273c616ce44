#include "textflag.h"

#define SYS_rt_sigreturn           15
#define SYS_prctl                  157
#define SYS_futex                  202
#define SYS_landlock_restrict_self 446
#define PR_SET_NO_NEW_PRIVS        38
#define FUTEX_WAKE_PRIVATE         129

// onSignal is a signal handler as the kernel calls it, on whatever thread and
// stack: it knows nothing of Go and changes two words of memory only. The
// kernel puts every register back when it returns.
TEXT ·onSignal(SB),NOSPLIT|NOFRAME,$0
	MOVL	$SYS_prctl, AX
	MOVL	$PR_SET_NO_NEW_PRIVS, DI
	MOVL	$1, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL
	TESTQ	AX, AX
	JNE	done
	MOVL	$SYS_landlock_restrict_self, AX
	MOVL	·ruleset(SB), DI
	XORL	SI, SI
	SYSCALL
done:
	MOVL	AX, ·answer(SB)
	LOCK
	INCL	·answers(SB)
	MOVL	$SYS_futex, AX
	LEAQ	·answers(SB), DI
	MOVL	$FUTEX_WAKE_PRIVATE, SI
	MOVL	$1, DX
	SYSCALL
	RET

// afterSignal is where the handler returns to (SA_RESTORER).
TEXT ·afterSignal(SB),NOSPLIT|NOFRAME,$0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func handlers() (handler, restorer uintptr)
TEXT ·handlers(SB),NOSPLIT,$0-16
	LEAQ	·onSignal(SB), AX
	MOVQ	AX, handler+0(FP)
	LEAQ	·afterSignal(SB), AX
	MOVQ	AX, restorer+8(FP)
	RET

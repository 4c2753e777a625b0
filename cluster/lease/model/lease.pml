/*
 * The quorum lease: three voters, and two members that want the same thing.
 *
 * Member A holds by its lease: its gate is open. Its epoch may be declared dead, and member B then holds at
 * once and for ever. Never may both hold.
 *
 * What is modelled as it is: renewals and grants that are lost, late, doubled, or overtaken by a newer one;
 * a majority of grants, each counted from when its renewal was sent; the gate, which shuts by itself, late,
 * even if nothing else happens; withdrawals that stop grants at once, are made durable, then told; voters
 * that crash at any point and forget what was not durable; a majority of withdrawals that ends the epoch.
 * A may be slow, hung or dead: it need not do anything.
 *
 * What is abstracted:
 *   - Time is counted in ticks of true time. A lease lasts L ticks and the gate is LATE ticks late: the
 *     most they can be when A's clock is the slowest allowed. A promise lasts P = L + LATE ticks, the
 *     least it can be when the voter's clock is the fastest allowed: lease * 1.01 + margin is made to
 *     give that. Timers count down, so the model has no horizon.
 *   - Of several renewals under way to one voter only one can still arrive, any one of them; grants the
 *     same. A message as old as its lease is dropped: its grant would be worthless.
 *   - Raft is one step, for the entry that ends an epoch is decided when it is committed; who leads plays
 *     no part. The voters do not change; the simulator covers that.
 *   - B needs no lease and no time, which can only find more.
 *   - A has one epoch and its renewals bear no numbers: an epoch that follows begins like this one.
 *
 * Each -D leaves out one rule: NOT_DURABLE, NO_RESTART_WAIT, FROM_ARRIVAL, ONE_WITHDRAWAL, NO_SLACK,
 * GRANT_WITHDRAWN.
 */

#define N 3
#ifndef L
#define L 2
#endif
#define LATE 1
#ifdef NO_SLACK
#define P L
#else
#define P (L + LATE)
#endif
#ifdef ONE_WITHDRAWAL
#define ENOUGH 1
#else
#define ENOUGH 2
#endif

byte renewal[N];   /* ticks left of the lease that the renewal under way asks for; 0: none is */
byte grant[N];     /* the same, of the grant under way */
byte end[N];       /* ticks left of the newest lease granted, as A knows it */
byte promise[N];   /* ticks left of the voter's promise */
bit withdrawn[N];  /* the voter grants no more */
bit durable[N];    /* and will remember that */
bit told[N];       /* and said so */
byte gate;         /* ticks until A's gate is shut */
bit dead;          /* A's epoch: B holds */

inline less(timer) { if :: timer > 0 -> timer-- :: else fi }

inline tick() {
	less(renewal[0]); less(renewal[1]); less(renewal[2]);
	less(grant[0]); less(grant[1]); less(grant[2]);
	less(end[0]); less(end[1]); less(end[2]);
	less(promise[0]); less(promise[1]); less(promise[2]);
	less(gate)
}

/* A majority of three has a lease until the second latest end. */
#define MIN(a, b) (a < b -> a : b)
#define MAX(a, b) (a > b -> a : b)
#define LEASE MAX(MIN(end[0], end[1]), MAX(MIN(end[0], end[2]), MIN(end[1], end[2])))

#ifdef GRANT_WITHDRAWN
#define MAY_GRANT(v) 1
#else
#define MAY_GRANT(v) !withdrawn[v]
#endif

#ifdef NOT_DURABLE
#define MAY_TELL(v) withdrawn[v]
#else
#define MAY_TELL(v) durable[v]
#endif

/* The promise begins when the renewal arrives. The renewal may arrive once more. */
inline arrives(v) {
	grant[v] = renewal[v];
	promise[v] = P;
	if :: renewal[v] = 0 :: skip fi
}

inline granted(v) {
#ifdef FROM_ARRIVAL
	end[v] = L;
#else
	end[v] = MAX(end[v], grant[v]);
#endif
	grant[v] = 0
}

/* A voter that starts again does not know what it promised, so it promises the most it may have. */
inline restarts(v) {
	withdrawn[v] = durable[v];
#ifdef NO_RESTART_WAIT
	promise[v] = 0
#else
	promise[v] = P
#endif
}

#define VOTER(v) \
	:: d_step { renewal[v] != L -> renewal[v] = L } \
	:: atomic { renewal[v] > 0 && MAY_GRANT(v) -> arrives(v) } \
	:: d_step { grant[v] > 0 -> granted(v) } \
	:: d_step { promise[v] == 0 && !withdrawn[v] -> withdrawn[v] = 1 } \
	:: d_step { withdrawn[v] && !durable[v] -> durable[v] = 1 } \
	:: d_step { MAY_TELL(v) && !told[v] -> told[v] = 1 } \
	:: d_step { 1 -> restarts(v) }

active proctype cluster() {
	do
	VOTER(0)
	VOTER(1)
	VOTER(2)
	:: d_step { LEASE > 0 -> gate = LEASE + LATE }
	:: d_step { told[0] + told[1] + told[2] >= ENOUGH -> dead = 1 }
	:: d_step { 1 -> tick() }
	:: atomic { dead && gate > 0 -> assert(false) }
	od
}

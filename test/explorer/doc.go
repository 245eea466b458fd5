// Package explorer tries the real plan and the real executor against every crash, lost answer, refusal, conflict and user action
// within a budget, exhaustively, in memory, and checks after every single effect what must hold.
//
// A state is one World: the TrustedApplication, its ledger, the published objects, the identity server and what has happened so
// far as far as an invariant needs it. An edge is one run of the executor, in which a script of perturbations strikes at chosen calls, or
// one user action between two runs. States that differ only in drawn values are one state.
package explorer

// Package selftest measures, on this host and with the real runner and engine,
// how often mlbench itself errs and how small a change it can resolve. It
// compares a program whose true changes are known with itself: its own server
// mode (see [Serve]), under two names, and twice with work added to it.
//
// It is no part of bench, as it asks nothing about the user's images, and stands
// above bench/calibration, with which it lets the real experiment judge the
// recorded pairs again in thousands of other orders.
package selftest

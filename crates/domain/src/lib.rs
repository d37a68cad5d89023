//! The rules of the house: pure functions over plain values, no I/O, no clock of their own.

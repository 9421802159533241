//! Taking a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes it, also after a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // None of these is ever left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

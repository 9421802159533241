//! Locks that are held for a moment, and never over an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock whose content nobody leaves half changed, so that a panic spoils nothing.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The locks and waits of `std::sync` that a crate's parts are built on in its own unit tests, so that
//! a test can go through the orders in which threads may run. They work inside of
//! [`crate::schedules`] only.
//!
//! A wait with a limit of time is the one thing that the scheduler underneath does not know. Here a
//! test says what becomes of such waits: see [`crate::schedules::Timeouts`].

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
pub use shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};
use shuttle::thread;

use crate::schedules::{Timeouts, timeouts};

#[derive(Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: shuttle::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.guarded(self.0.lock())
    }

    /// # Errors
    /// The lock is taken, or a thread panicked while it held it.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Ok(MutexGuard { mutex: self, guard }),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
            Err(TryLockError::Poisoned(error)) => {
                let guard = MutexGuard { mutex: self, guard: error.into_inner() };
                Err(TryLockError::Poisoned(PoisonError::new(guard)))
            }
        }
    }

    fn guarded<'a>(
        &'a self,
        locked: LockResult<shuttle::sync::MutexGuard<'a, T>>,
    ) -> LockResult<MutexGuard<'a, T>> {
        match locked {
            Ok(guard) => Ok(MutexGuard { mutex: self, guard }),
            Err(error) => Err(PoisonError::new(MutexGuard { mutex: self, guard: error.into_inner() })),
        }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[derive(Debug, Default)]
pub struct Condvar(shuttle::sync::Condvar);

/// Whether a wait ended because its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub const fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex;
        mutex.guarded(self.0.wait_while(guard.guard, condition))
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        _limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        if timeouts() == Timeouts::Never {
            let waited = self.wait_while(guard, condition);
            return Ok((waited.unwrap_or_else(PoisonError::into_inner), WaitTimeoutResult(false)));
        }
        // A wait that others can not end: only looking again does, or the time, which is up at any
        // moment.
        while condition(&mut guard) {
            if thread_rng().gen_bool(0.25) {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            let mutex = guard.mutex;
            drop(guard);
            thread::yield_now();
            guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
